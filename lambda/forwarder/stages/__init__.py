"""The stages from an alarm to a notification, one per file: read → threshold → ledger → render."""
