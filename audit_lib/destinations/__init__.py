"""Where records go besides a stream: one module a destination, each importing what it needs.

_batching  the handler that all of them extend: each record is queued, and sent in batches
_entries   records on their way, and what one call takes
_queue     the entries that wait, bounded in bytes
_sender    the thread that sends them
_linking   the lines of a batch in the chain
_errors    what an error means: try again, refuse or give up
_spooling  the files of what a service did not take
_client    the client of a service
"""
