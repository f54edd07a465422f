"""The chain of hashes over the lines of a process (`docs/proof.md`).

chain    link lines while they are written
verify   check lines that were written; shares no code with `chain`, imported when asked for
"""
