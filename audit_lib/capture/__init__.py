"""Capture of ORM changes: one module for each ORM, `sqlalchemy` and `django`.

Each imports its ORM, so `audit_lib` imports neither. Both share `_models`.
"""
