"""The forwarder: sends notifications of audit records that business users understand.

`handler` → `triggers` (the causes of the invocation) → `pipeline`, which runs the `stages` (read,
threshold, ledger, render) and passes each notification to the `channels`.
"""
