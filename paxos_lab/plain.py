"""Plain data: what a field may hold, what a message may hold, and how both become JSON.

Everything that the lab promises about roles (the same run from the same seed, going back,
exhaustive search) rests on state that can be copied and compared, and on messages that nobody
can change after they were sent.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import sys
from collections.abc import Iterable
from typing import Any

from paxos_lab.node import LabError

ATOMS = frozenset({int, str, float, bool, type(None), bytes, complex, type(...)})


class NotPlain(LabError):
    """A value that cannot be copied, compared or trusted to stay as it is."""


def why_mutable(value: Any, where: str = "it") -> str | None:
    """Say why `value` could change after it was sent, or None if it cannot."""
    kind = type(value)
    if kind in ATOMS or isinstance(value, enum.Enum):
        return None
    if isinstance(value, tuple | frozenset):
        return next(filter(None, (why_mutable(v, f"an item of {where}") for v in value)), None)
    if _is_instance_of_dataclass(value):
        if not kind.__dataclass_params__.frozen:
            return f"{where} is a {kind.__name__}, which is not frozen: write @dataclass(frozen=True)"
        parts = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return next(filter(None, (why_mutable(v, f"{kind.__name__}.{n}") for n, v in parts)), None)
    if isinstance(value, list | set | dict | bytearray):
        cure = {"list": "a tuple", "set": "a frozenset", "dict": "a tuple of pairs"}
        return f"{where} is a {kind.__name__}, which can be changed: use {cure.get(kind.__name__, 'bytes')}"
    if kind.__hash__ in (None, object.__hash__):
        return f"{where} is a {kind.__name__}, which is not compared by its value: use plain data"
    return None


def copy_of(value: Any) -> Any:
    """A copy that shares nothing changeable with `value`; raises `NotPlain` if there is none."""
    kind = type(value)
    if kind in ATOMS:
        return value
    if kind is dict:
        return {copy_of(k): copy_of(v) for k, v in value.items()}
    if kind is list:
        return [copy_of(v) for v in value]
    if kind is set:
        return set(value)
    reason = why_mutable(value)
    if reason is None:
        return value
    if isinstance(value, tuple):
        parts = [copy_of(v) for v in value]
        return tuple(parts) if kind is tuple else kind(*parts)
    if _is_instance_of_dataclass(value):
        return dataclasses.replace(value, **{n: copy_of(v) for n, v in _init_parts(value)})
    raise NotPlain(reason)


def to_json(value: Any) -> Any:
    """What the `json` module can write and `from_json` turns back into an equal value.

    Numbers, strings, booleans, None and lists stand for themselves. Everything else is an
    object with the key "$": "tuple", "set", "frozenset", "dict" or "bytes" with its content, or
    "module:Class" with one key for every field.
    """
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return {"$": "float", "value": repr(value)}
    if kind in (int, str, float, bool, type(None)):
        return value
    if kind is list:
        return [to_json(v) for v in value]
    if kind is tuple:
        return {"$": "tuple", "items": [to_json(v) for v in value]}
    if kind in (set, frozenset):
        # Sorted by text: the order of a set depends on the hash seed, a file must not.
        return {"$": kind.__name__, "items": sorted((to_json(v) for v in value), key=repr)}
    if kind is dict:
        return {"$": "dict", "items": [[to_json(k), to_json(v)] for k, v in value.items()]}
    if kind is bytes:
        return {"$": "bytes", "hex": value.hex()}
    name = f"{kind.__module__}:{kind.__qualname__}"
    if isinstance(value, enum.Enum):
        return {"$": name, "name": value.name}
    if _is_instance_of_dataclass(value):
        return {"$": name, **{n: to_json(v) for n, v in _init_parts(value)}}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return {"$": name, **{n: to_json(v) for n, v in zip(kind._fields, value, strict=True)}}
    raise NotPlain(f"a {kind.__name__} cannot be written as JSON: use plain data or a dataclass")


def from_json(data: Any, types: Iterable[type] = ()) -> Any:
    """The value that `to_json` wrote. Classes must be in `types` or already be imported.

    Nothing is imported and nothing but dataclasses, named tuples and enums is built, so a file
    from a stranger can do no more than make plain data.
    """
    known = {f"{t.__module__}:{t.__qualname__}": t for t in types}
    return _from_json(data, known)


def _from_json(data: Any, known: dict[str, type]) -> Any:
    if isinstance(data, list):
        return [_from_json(v, known) for v in data]
    if not isinstance(data, dict):
        return data
    match data:
        case {"$": "float", "value": str(text)}:
            return float(text)
        case {"$": "bytes", "hex": str(text)}:
            return bytes.fromhex(text)
        case {"$": "dict", "items": list(items)}:
            return {_from_json(k, known): _from_json(v, known) for k, v in items}
        case {"$": ("tuple" | "set" | "frozenset") as kind, "items": list(items)}:
            make = {"tuple": tuple, "set": set, "frozenset": frozenset}[kind]
            return make([_from_json(v, known) for v in items])
        case {"$": str(name), **parts}:
            return _build(name, {k: _from_json(v, known) for k, v in parts.items()}, known)
    raise LabError(f"expected an object with the key '$', found the keys {sorted(data)}")


def _build(name: str, parts: dict[str, Any], known: dict[str, type]) -> Any:
    kind = known.get(name) or _imported(name)
    try:
        if isinstance(kind, enum.EnumMeta):
            return kind[parts["name"]]
        if isinstance(kind, type) and (
            dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
        ):
            return kind(**parts)
    except (KeyError, TypeError) as error:
        raise LabError(f"{name} does not have these parts: {error}") from error
    raise LabError(f"the class {name} is not known here: import or define it first, or pass it in `types`")


def _imported(name: str) -> Any:
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _init_parts(value: Any) -> list[tuple[str, Any]]:
    return [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value) if f.init]


def _is_instance_of_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)
