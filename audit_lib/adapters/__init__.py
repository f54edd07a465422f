"""One module per framework; each fills the context of a request, a task or an invocation.

Each imports its framework, so `audit_lib` itself imports none of them. `request` is for an adapter of
your own: the context of a request, and the ECS fields from its headers.
"""
