"""Reading `audit.toml`: every problem is found and told at once.

`_sections` builds the model, `_schema` the JSON Schema, `_load` ties them together.
"""

from ._load import json_schema, load_config, parse_config

__all__ = ["json_schema", "load_config", "parse_config"]
