"""Lists the `event.type` values that ECS allows with each `event.category`, to check actions.

https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category
"""

from typing import Final

__all__ = ["EVENT_TYPES"]

EVENT_TYPES: Final[dict[str, frozenset[str]]] = {
    category: frozenset(types.split())
    for category, types in {
        "api": "access admin allowed change creation deletion denied end info start user",
        "authentication": "start end info",
        "configuration": "access change creation deletion info",
        "database": "access change info error",
        "driver": "change end info start",
        "email": "info",
        "file": "access change creation deletion info",
        "host": "access change end info start",
        "iam": "admin change creation deletion group info user",
        "intrusion_detection": "allowed denied info",
        "library": "start",
        "malware": "info",
        "network": "access allowed connection denied end info protocol start",
        "package": "access change deletion info installation start",
        "process": "access change end info start",
        "registry": "access change creation deletion",
        "session": "start end info",
        "threat": "indicator",
        "vulnerability": "info",
        "web": "access error info",
    }.items()
}
"""The types that ECS allows, by `event.category`."""
