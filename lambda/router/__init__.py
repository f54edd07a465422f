"""The router: copies audit records from the application log groups to the audit log group."""
