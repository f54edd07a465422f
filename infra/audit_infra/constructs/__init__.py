"""The CDK constructs of an audit trail: record store, routing, functions, alarms and notifications."""
