"""Reads and checks one table of `audit.toml`, independently of the sections of the file.

`table` reads keys by type, `checks` validates values, `problems` collects the problems.
"""
