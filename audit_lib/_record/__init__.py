"""Builds the document of an audit record from JSON values, for the loggers and handlers.

Nothing here reads the configuration of the process or the context of the request.

document        builds the whole document from what `logging` provides
head            the members that only this library writes
changes         the differences between two states
plain, leaves   convert any Python value to JSON values
library_classes how the classes of other libraries are converted
unreadable      compares values that JSON cannot show
masking         finds sensitive values by the names, paths and annotations of their fields
masking_rules   how a sensitive value is written
secrets         searches the finished record for secrets in texts
names           keeps shortened and masked names distinct
size            shortens a record that is too long for a line
ecs             the values that the Elastic Common Schema allows
ids             identifiers of records and chains
notes           which values of a record are masked or shortened
encoding        encodes a document as the bytes of a line
put_log_events  the limits of CloudWatch Logs
interrupts      recognises the exceptions of signal handlers
processes       calls functions in a copy of the process
"""
