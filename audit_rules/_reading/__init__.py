"""Reading one table of `audit.toml`; knows no section of the file.

`table` reads keys by type, `checks` knows what a good value is, `problems` collects what was found.
"""
