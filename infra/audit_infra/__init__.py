"""The parts of the CDK app: `constructs/` create resources, `stacks/` compose them and grant permissions."""
