"""Capture of ORM changes as audit records: the modules `sqlalchemy` and `django`.

Each module imports its ORM, so `audit_lib` itself imports neither.
"""
