"""How everything is written as JSON on the wire."""

from typing import Any

import orjson


def to_json(value: Any) -> bytes:
    """Return the value as UTF-8 JSON; moments in UTC end in Z."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
