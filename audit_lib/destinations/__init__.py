"""Handlers that send audit records to CloudWatch Logs, DynamoDB or Firehose: one module per service.

Each module imports boto3 or botocore, so `audit_lib` itself imports neither.

_batching  the base class of the handlers: records are queued, and sent in batches
_entries   queued records, and the limits of a call
_queue     the queue, bounded in bytes
_sender    the thread that sends the queue
_linking   links the lines of a batch to the chain
_errors    classifies errors: retry, reject or give up
_checks    checks the arguments of the handlers
_client    creates the client of a service
"""
