"""The constructs, one file for each capability."""
