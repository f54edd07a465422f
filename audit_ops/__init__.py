"""For the operators of an audit trail: the `audit` command, and the embedded cloud around a trail."""
