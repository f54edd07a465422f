"""The Lambda function that copies audit records from the source log groups to the audit log group."""
