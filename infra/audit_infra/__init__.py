"""Defines the AWS resources of a trail: `constructs/` create them, `stacks/` compose them and grant access."""
