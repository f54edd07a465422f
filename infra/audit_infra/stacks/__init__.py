"""The CloudFormation stacks of the CDK app; an audit trail has one, `TrailStack`."""
