"""One module per framework; each fills the context of a request, a task or an invocation.

Each imports its framework, so `audit_lib` itself imports none of them. `request` has what an adapter
of your own needs: the context of a request, and the ECS fields in its headers.
"""
