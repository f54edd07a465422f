"""Reads `audit.toml` into an `AuditConfig`, and reports all problems in one error.

`_sections` builds the model, `_schema` the JSON Schema, `_load` uses both.
"""

from ._load import json_schema, load_config, parse_config

__all__ = ["json_schema", "load_config", "parse_config"]
