"""For the people who operate the audit trail: the `audit` command and the embedded cloud."""
