"""Collects the problems of a configuration and formats the values in them."""

import json
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

_SHOWN: Final = 60


class Problems:
    """The problems found so far, each as `place: field: what was found; what to do`; false if empty."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, place: str, field: str, sentence: str) -> None:
        problem = ": ".join(part for part in (place, field, sentence) if part)
        if problem not in self._found:  # a table can be read twice
            self._found.append(problem)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)


def shown(value: object) -> str:
    """Return a value as one line of JSON in ASCII, cut after 60 characters with an ellipsis."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def closest(word: str, offered: Iterable[str]) -> str | None:
    """Return the offered word that is most similar to a word, or None if none has a similarity of 0.6."""
    return next(iter(get_close_matches(word, list(offered), n=1)), None)


def did_you_mean(word: str, offered: Iterable[str]) -> str:
    """Return a question with the closest offered word, or else advice to use one of the offered words."""
    offered = sorted(offered)
    if close := closest(word, offered):
        return f'did you mean "{close}"?'
    return f"use one of: {', '.join(offered)}" if offered else "none is defined, so define it first"
