"""Writes and verifies the hash chains over the lines that handlers write (`docs/proof.md`).

chain    links lines while they are written
verify   checks lines; shares no code with `chain`, imported on first access
"""
