"""Read what others sent, whatever it is: what is missing or of another kind comes as empty."""

from collections.abc import Mapping
from typing import Any


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list, else none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def words(value: object) -> str:
    """Return a text or a number as text, else an empty one."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
