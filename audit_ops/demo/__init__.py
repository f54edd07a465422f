"""The demo: a real application, the shipped template, real receivers, and what came of it.

story    what the application is asked to do, and what has to follow
shop     the application, as a server process
run      the run: synthesize, deploy, act, compare
report   files, page and tables
"""

from audit_ops.demo.report import serve
from audit_ops.demo.run import run_demo
from audit_ops.demo.shop import DemoError

__all__ = ["DemoError", "run_demo", "serve"]
