"""What a record holds, as plain values: nothing here knows the configuration or the context.

document        the whole document, from what `logging` knows
changes         the differences between two states
plain, leaves   any Python value as JSON values
masking         sensitive values, and texts that give one away
masking_rules   how a sensitive value is written
size            shortens a record that is too long for a line
ecs             what the Elastic Common Schema allows
ids             identifiers of records and chains
notes           which values of a record are masked or shortened
encoding        a document as the bytes of a line
put_log_events  the limits of CloudWatch Logs for lines
"""
