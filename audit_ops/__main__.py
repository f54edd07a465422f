"""The `audit` command, also as `python -m audit_ops`."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command; exit with a hint if its dependencies, an extra of `audit-lib`, are missing."""
    try:
        from audit_ops.cli import main as command  # noqa: PLC0415 - it may be missing
    except ModuleNotFoundError as error:
        sys.exit(
            f"audit: {error.name} is not installed; install the extra of this command: pip install 'audit-lib[ops]'"
        )
    command()


if __name__ == "__main__":
    main()
