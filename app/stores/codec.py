"""Turn frozen dataclasses into MongoDB documents and back, by their type hints.

Outside stores an id is a `str`; in a document it is an ObjectId. A field that is None is left out, so that partial
indexes on `{field: {$exists: true}}` see only what is there. `id` is `_id` at the top of a document.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import lru_cache
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from bson import ObjectId

from app.models.entity import OBJECT_IDS

T = TypeVar("T")
Convert = Callable[[Any], Any]
Document = dict[str, Any]


class Codec(Generic[T]):
    """The two directions for one dataclass.

    The functions are compiled from its fields, as dataclasses compile their own `__init__`: every message passes here.
    """

    def __init__(self, kind: type[T], *, top: bool = True) -> None:
        hints = get_type_hints(kind)
        keys = {f.name: "_id" if top and f.name == "id" else f.name for f in fields(kind)}  # type: ignore[arg-type]
        converters = {name: _converters(hints[name]) for name in keys}
        required = {f.name for f in fields(kind) if _is_required(f)}  # type: ignore[arg-type]
        self.to_document: Callable[[T], Document] = _compiled(_writer_of(keys, converters), converters, kind)
        self.from_document: Callable[[Mapping[str, Any]], T] = _compiled(
            _reader_of(keys, converters, required), converters, kind
        )


Converters = dict[str, tuple[Convert | None, Convert | None]]


def _writer_of(keys: dict[str, str], converters: Converters) -> str:
    """Return the source of a function from a thing to its document; None is left out."""
    lines = ["def convert(thing):", "    document = {}"]
    for name, key in keys.items():
        value = f"write_{name}(value)" if converters[name][0] else "value"
        lines += [f"    value = thing.{name}", "    if value is not None:", f"        document[{key!r}] = {value}"]
    return "\n".join([*lines, "    return document"])


def _reader_of(keys: dict[str, str], converters: Converters, required: set[str]) -> str:
    """Return the source of a function from a document to the thing; fields that it lacks have their defaults."""
    lines = ["def convert(document):", "    values = {}"]
    for name, key in keys.items():
        value = f"read_{name}(value)" if converters[name][1] else "value"
        lines += [
            f"    value = document.get({key!r})",
            "    if value is not None:",
            f"        values[{name!r}] = {value}",
        ]
        if name in required:
            lines += ["    else:", f"        values[{name!r}] = None"]
    return "\n".join([*lines, "    return kind(**values)"])


def _compiled(source: str, converters: Converters, kind: type[Any]) -> Callable[[Any], Any]:
    scope: dict[str, Any] = {"kind": kind}
    for name, (write, read) in converters.items():
        scope |= {f"write_{name}": write, f"read_{name}": read}
    exec(source, scope)  # noqa: S102 — made of field names alone
    convert: Callable[[Any], Any] = scope["convert"]
    return convert


def _is_required(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _converters(hint: Any) -> tuple[Convert | None, Convert | None]:
    """Return how to write and read a value of this type; None where it is stored as it is."""
    if hint in OBJECT_IDS:
        return object_id, str
    if get_origin(hint) in (Union, UnionType):
        inner = [arg for arg in get_args(hint) if arg is not type(None)]
        return _converters(inner[0]) if len(inner) == 1 else (None, None)
    if get_origin(hint) is tuple:
        return _list_of(*_converters(get_args(hint)[0]))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return str.__str__, hint
    if is_dataclass(hint):
        codec: Codec[Any] = Codec(hint, top=False)  # type: ignore[arg-type]
        return codec.to_document, codec.from_document
    return None, None


def _list_of(encode: Convert | None, decode: Convert | None) -> tuple[Convert, Convert]:
    def to_list(values: Any) -> Any:
        return [encode(value) for value in values] if encode else list(values)

    def to_tuple(values: Any) -> Any:
        return tuple(decode(value) for value in values) if decode else tuple(values)

    return to_list, to_tuple


def new_id() -> str:
    """Return a fresh id: 24 hex digits that begin with the time."""
    return ObjectId().binary.hex()


@lru_cache(1 << 16)
def object_id(value: str) -> ObjectId:
    """Return the id as MongoDB keeps it; the doors have checked that it is one.

    Remembered: a company's, a channel's, a contact's id is written with each of their messages.
    """
    return ObjectId(value)
