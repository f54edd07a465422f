"""The stages from a trigger to a notification, one per module: read → threshold → ledger → render."""
