"""Requests that can be made of a model alone: valid values everywhere, and a slot in place of each id."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, count
from typing import Any

import pytest
from pydantic import BaseModel

ID = r"^[0-9a-fA-F]{24}$"


@dataclass(frozen=True)
class Fresh:
    """A text that differs each time it is sent: a key that was used before would answer for the first use."""

    text: str


SAMPLES: dict[str, Any] = {
    r"^[0-9]{1,16}$": "9999",
    r"^https?://\S+$": "https://files.example/1.png",
    r"^[^@\s]+@[^@\s]+$": "ben@shop.test",
    r"^[\x21-\x7e]+$": Fresh("key-{}"),
    r"^[A-Za-z0-9_-]{1,64}$": Fresh("account-{}"),
}
MOST_BESIDES = 2  # other ids that a request may need to be valid

_numbers = count()


@dataclass(frozen=True)
class Slot:
    """The place of an id in a request: its field, and the way to it."""

    field: str
    path: str


class Form:
    """The fields of a model, and of the models inside it, read from its JSON schema."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.name = model.__name__
        self.schema = model.model_json_schema()
        self.slots: dict[str, Slot] = {}
        self._filled(self.schema, "", frozenset(), full=True)  # looks at every field once

    def requests_with(self, path: str) -> Iterator[Any]:
        """Yield requests that fill the slot at this path: with few other ids or none, and all other fields or none."""
        others = sorted(self.slots.keys() - {path})
        for besides in (each for size in range(MOST_BESIDES + 1) for each in combinations(others, size)):
            for full in (True, False):
                yield self._filled(self.schema, "", frozenset((path, *besides)), full=full)

    def requests_without_ids(self) -> Iterator[Any]:
        """Yield requests that name nothing, unless they must."""
        for full in (True, False):
            yield self._filled(self.schema, "", frozenset(), full=full)

    def _filled(self, schema: dict[str, Any], path: str, ids: frozenset[str], *, full: bool) -> dict[str, Any]:
        """Fill what is required, the ids at these paths, and with `full` every field that is no id."""
        filled = {}
        for name, field in schema.get("properties", {}).items():
            there = f"{path}.{name}".lstrip(".")
            value = self._value(field, name, there, ids, full=full)
            wanted = there in ids if isinstance(value, Slot) else full or any(id.startswith(f"{there}.") for id in ids)
            if wanted or name in schema.get("required", ()):
                filled[name] = value
        return filled

    def _value(self, field: dict[str, Any], name: str, path: str, ids: frozenset[str], *, full: bool) -> Any:
        field = next((each for each in field.get("anyOf", ()) if each != {"type": "null"}), field)
        if "$ref" in field:
            field = self.schema["$defs"][field["$ref"].rsplit("/", 1)[1]]
        if field.get("type") == "array":
            return [self._value(field["items"], name, path, ids, full=full)]
        if field.get("type") == "object" and field.get("additionalProperties") is False:
            return self._filled(field, path, ids, full=full)
        return self._plain(field, name, path)

    def _plain(self, field: dict[str, Any], name: str, path: str) -> Any:
        if field.get("pattern") == ID:
            return self.slots.setdefault(path, Slot(name, path))
        if field.get("pattern") in SAMPLES:
            return SAMPLES[field["pattern"]]
        known = field.get("enum", [field["const"]] if "const" in field else [])
        if known:
            return "web" if "web" in known else known[0]
        if field.get("type") == "integer":
            return max(field.get("minimum", 0), 1)
        return self._by_type(field, path)

    def _by_type(self, field: dict[str, Any], path: str) -> Any:
        match field:
            case {"pattern": _}:
                pass
            case {"type": "string", "format": "date-time"}:
                return "2026-01-02T03:04:05Z"
            case {"type": "string"}:
                return Fresh("text {}")
            case {"type": "object"}:
                return {}
            case {"type": "boolean"}:
                return False
        return pytest.fail(f"No valid value is known for {path} of {self.name}: teach tests/forms.py {field}.")


def slots_in(request: Any) -> list[Slot]:
    """Return the slots that a request has."""
    if isinstance(request, Slot):
        return [request]
    inner = request.values() if isinstance(request, dict) else request if isinstance(request, list) else ()
    return [slot for each in inner for slot in slots_in(each)]


def with_ids(request: Any, ids: dict[Slot, str]) -> Any:
    """Return the request as it can be sent: with an id in each slot, and fresh texts."""
    if isinstance(request, Slot):
        return ids[request]
    if isinstance(request, Fresh):
        return request.text.format(next(_numbers))
    if isinstance(request, dict):
        return {name: with_ids(each, ids) for name, each in request.items()}
    return [with_ids(each, ids) for each in request] if isinstance(request, list) else request
