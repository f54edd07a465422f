"""Lists the fields that `audit_lib` writes, to find mistakes in the selectors of filter patterns.

They are those of ECS 9 (https://www.elastic.co/docs/reference/ecs), and `changes`.
"""

from typing import Final

__all__ = [
    "ALWAYS",
    "ARRAYS",
    "DOTTED_NAMES",
    "EXTENSIBLE",
    "MEMBERS",
    "OBJECTS",
    "ROOTS",
    "STRINGS",
]

_ADDRESSED: Final = "address as bytes domain geo ip mac nat packets port registered_domain subdomain top_level_domain user"

MEMBERS: Final = {
    name: frozenset(members.split())
    for name, members in {
        "event": "id kind action outcome category type reason sequence code created dataset duration end"
        " hash ingested module original provider reference risk_score risk_score_norm severity start"
        " timezone url",
        "changes": "record_type record_id before after fields notes extra",
        "log": "logger origin file syslog",
    }.items()
}
"""All members of the objects that cannot have others, by object."""

EXTENSIBLE: Final = {
    name: frozenset(members.split())
    for name, members in {
        "user": "id name email full_name domain hash roles target effective changes group entity risk",
        "source": _ADDRESSED,
        "client": _ADDRESSED,
        "destination": _ADDRESSED,
        "server": _ADDRESSED,
        "http": "request response version",
        "host": "architecture boot cpu disk domain geo hostname id ip mac name network os pid_ns_ino"
        " risk type uptime",
        "service": "address environment ephemeral_id id name node origin state target type version",
        "url": "domain extension fragment full original password path port query registered_domain"
        " scheme subdomain top_level_domain username",
        "user_agent": "device name original os version",
        "error": "code id message stack_trace type",
        "process": "args command_line entity_id executable exit_code name parent pid start thread title"
        " uptime working_directory",
        "related": "hash hosts ip user",
        "trace": "id",
        "transaction": "id",
        "span": "id",
        "faas": "coldstart execution id name trigger version",
    }.items()
}
"""The ECS members of the objects to which an application may add its own, by object."""

ROOTS: Final = frozenset([
    "@timestamp", "log.level", "ecs.version", *MEMBERS, *EXTENSIBLE,
    *["agent", "chain", "cloud", "container", "device", "dns", "email", "extra", "file", "group", "hash", "labels", "message", "network"],
    *["observer", "orchestrator", "organization", "package", "rule", "session", "tags", "task", "threat", "tls"],
])  # fmt: skip

OBJECTS: Final = frozenset([
    *MEMBERS, *EXTENSIBLE, "chain", "extra", "labels", "task",
    *["changes.before", "changes.after", "changes.fields", "changes.notes", "http.request", "http.response"],
    *["log.origin", "log.origin.file", "process.thread", "user.target", "user.effective"],
])  # fmt: skip

ARRAYS: Final = frozenset([
    "event.category", "event.type", "related.user", "related.ip", "related.hosts", "related.hash", "tags",
])  # fmt: skip

ALWAYS: Final = frozenset([
    "event.action", "event.outcome", "event.kind", "event.id", "log.logger", "@timestamp", "message",
])  # fmt: skip
"""The fields that each record has, as strings."""

STRINGS: Final = ALWAYS | {"event.reason", "changes.record_type", "changes.record_id"}

DOTTED_NAMES: Final = {"log.level": "$.['log.level']", "ecs.version": "$.['ecs.version']"}
"""Fields with a dot in their name, and the selectors that find them."""
