"""Builds the document of an audit record from JSON values, for the loggers and handlers.

Nothing here reads the configuration of the process or the context of the request.

document        builds the whole document from what `logging` provides
changes         the differences between two states
plain, leaves   convert any Python value to JSON values
masking         finds sensitive values, and secrets in texts
masking_rules   how a sensitive value is written
size            shortens a record that is too long for a line
ecs             the values that the Elastic Common Schema allows
ids             identifiers of records and chains
notes           which values of a record are masked or shortened
encoding        encodes a document as the bytes of a line
put_log_events  the limits of CloudWatch Logs
"""
