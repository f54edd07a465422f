"""Alarm → notification that a business person understands.

`handler` → `triggers` (who woke us) → `pipeline`, which runs the `stages` (read, due, ledger, word)
and hands each notification to the `channels`.
"""
