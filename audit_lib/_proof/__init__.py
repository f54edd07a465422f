"""Writes and verifies the hash chain over the lines of a process (`docs/proof.md`).

chain    links lines while they are written
verify   checks lines; shares no code with `chain`, imported on first access
"""
