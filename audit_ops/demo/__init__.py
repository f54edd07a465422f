"""Runs `audit demo`: an example application, the deployed template, receivers and a report.

scenario  the requests to the application, and the expected results
shop      the application, as a server process
run       the run: synthesize, deploy, send the requests, compare
report    files, page and tables
"""

from audit_ops.demo.report import serve
from audit_ops.demo.run import run_demo
from audit_ops.demo.shop import DemoError

__all__ = ["DemoError", "run_demo", "serve"]
