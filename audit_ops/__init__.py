"""Tools for operating an audit trail: the `audit` command, and a trail on the embedded cloud."""
