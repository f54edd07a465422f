"""The steps from an alarm to a notification, one a file: read → due → ledger → word."""
