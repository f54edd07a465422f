"""Capture of what an ORM writes: one module an ORM, `sqlalchemy` and `django`.

Each imports its ORM, so `audit_lib` imports neither. `_models` is what both share.
"""
