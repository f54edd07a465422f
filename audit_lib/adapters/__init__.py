"""One module a framework; each fills the context of a request, a task or an invocation.

Each imports its framework, so none is imported by `audit_lib` itself. `_request` reads
the headers of a request for those that have one.
"""
