"""`python -m audit_ops` is the `audit` command."""

from audit_ops.cli import main

main()
