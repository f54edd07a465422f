"""Adapters for web frameworks, Celery and AWS Lambda: one module per framework.

An adapter opens the context of a request, a task or an invocation; all records written in it have the
context's ECS fields. Each module imports its framework, so `audit_lib` itself imports none of them. Use
`request` to write an adapter for another framework.
"""
