"""Reads `audit.toml` and reports every problem at once.

`_sections` builds the model, `_schema` the JSON Schema, `_load` combines them.
"""

from ._load import json_schema, load_config, parse_config

__all__ = ["json_schema", "load_config", "parse_config"]
