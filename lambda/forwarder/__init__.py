"""The Lambda function that notifies the channels of audit records, in terms business users understand.

`handler` → `triggers` (the causes of the invocation) → `pipeline`, which runs the `stages` (read,
threshold, ledger, render) and passes each notification to the `channels`.
"""
