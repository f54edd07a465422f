"""The CDK app's parts: `stacks/` compose and grant, `constructs/` create."""
