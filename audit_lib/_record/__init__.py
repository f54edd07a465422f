"""What a record holds, as plain values: nothing here knows the configuration or the context.

document        from what `logging` knows to the whole document
changes         what differs between two states
plain, leaves   any Python value as JSON values
masking         sensitive values, and texts that give one away
size            a record that is too long for a line, shortened
ecs             what the Elastic Common Schema allows
ids             identifiers of records and chains
notes           what of a record is not as it was
encoding        a document as the bytes of a line
put_log_events  what CloudWatch Logs takes of lines
"""
