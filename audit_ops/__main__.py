"""Starts the `audit` command, also as `python -m audit_ops`."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the `audit` command; exit with a hint if its dependencies (`audit-lib[ops]`) are not installed."""
    try:
        from audit_ops.cli import main as command  # noqa: PLC0415 - it may be missing
    except ModuleNotFoundError as error:
        sys.exit(
            f"audit: {error.name} is not installed; install the extra of this command: pip install 'audit-lib[ops]'"
        )
    command()


if __name__ == "__main__":
    main()
