"""Where records go besides a stream: one module a destination, each importing what it needs."""
