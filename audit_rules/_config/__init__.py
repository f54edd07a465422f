"""Reading `audit.toml`: every problem is found and told at once.

`_problems` collects, `_table` reads single fields, `_checks` knows what a good value is,
`_sections` builds the model, `_load` ties them together.
"""

from ._load import json_schema, load_config, parse_config

__all__ = ["json_schema", "load_config", "parse_config"]
