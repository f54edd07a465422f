"""Defines the AWS resources of a trail: `constructs/` creates, `stacks/` composes and grants access."""
