"""Plain data: what a field may hold, what a message may hold, and how both become JSON.

Everything that the lab promises about roles (the same run from the same seed, going back,
exhaustive search) rests on state that can be copied and compared, and on messages that nobody
can change after they were sent.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import operator
import sys
import weakref
from collections.abc import Callable, Iterable
from functools import cache
from itertools import chain, repeat
from typing import Any

from paxos_lab.node import LabError
from paxos_lab.world.journal import JournaledDict

ATOMS = frozenset({int, str, float, bool, type(None), bytes})


# Frozen dataclasses that were looked through and found to be immutable: a trace asks for the same
# votes and commands at every step. By identity, so that a look costs no comparison; weakly, so that
# nothing is kept alive.
_solid: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


class NotPlain(LabError):
    """A value that cannot be copied, compared or trusted to stay as it is."""


def why_mutable(value: Any, where: str = "it") -> str | None:
    """Say why `value` could change after it was sent, or None if it cannot."""
    kind: Any = type(value)
    if kind in ATOMS:
        return None
    read = parts_reader(kind)
    if read is None or not kind.__dataclass_params__.frozen or kind.__hash__ in (None, object.__hash__):
        return _why_mutable(value, where)
    for part in read(value):
        if type(part) not in ATOMS:
            break
    else:
        return None
    if _solid.get(id(value)) is value:
        return None
    for name, part in _parts(value):
        if reason := why_mutable(part, f"{kind.__name__}.{name}"):
            return reason
    if kind.__weakrefoffset__:
        _solid[id(value)] = value
    return None


def _why_mutable(value: Any, where: str) -> str | None:
    kind = type(value)
    if isinstance(value, enum.Enum):
        return None
    if isinstance(value, tuple | frozenset):
        for item in value:
            if type(item) not in ATOMS and (reason := why_mutable(item, f"an item of {where}")):
                return reason
        return None
    if _is_instance_of_dataclass(value):
        if not kind.__dataclass_params__.frozen:
            return f"{where} is a {kind.__name__}, which is not frozen: write @dataclass(frozen=True)"
        return f"{where} is a {kind.__name__}, which is not compared by its fields: leave out eq=False"
    if isinstance(value, list | set | dict | bytearray):
        cures = {list: "a tuple", set: "a frozenset", dict: "a tuple of pairs", bytearray: "bytes"}
        cure = next(cure for changeable, cure in cures.items() if isinstance(value, changeable))
        return f"{where} is a {kind.__name__}, which can be changed: use {cure}"
    hashes: Any = kind.__hash__
    if hashes in (None, object.__hash__):
        return f"{where} is a {kind.__name__}, which is not compared by its value: use plain data"
    return None


@cache
def parts_reader(kind: Any) -> Callable[[Any], tuple[Any, ...]] | None:
    """What reads all fields of a dataclass at once; None for every other class."""
    if issubclass(kind, enum.Enum | tuple | frozenset) or not dataclasses.is_dataclass(kind):
        return None
    return reader_of(tuple(field.name for field in dataclasses.fields(kind)))


def reader_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads the attributes of those names, always as a tuple."""
    if len(names) >= 2:
        return operator.attrgetter(*names)
    if names:
        one = operator.attrgetter(names[0])
        return lambda value: (one(value),)
    return lambda value: ()


def copy_of(value: Any) -> Any:
    """A copy that shares nothing changeable with `value`; raises `NotPlain` if there is none."""
    return copy_like(value, None)


def copy_like(value: Any, old: Any) -> Any:
    """As `copy_of`, faster where `old`, an earlier copy, has the very same entries."""
    try:
        return _copy(value, old)
    except RecursionError:
        raise NotPlain(
            "it holds itself, or is nested too deep: keep the name of a thing, not the thing"
        ) from None


def _copy(value: Any, old: Any) -> Any:
    # Both arguments are given each time: Python 3.13.0 counts no recursion of a call that leaves one to its default.
    kind = type(value)
    if kind in ATOMS:
        return value
    # What a copy holds and is no copy itself was found to be immutable when that copy was made.
    if kind is dict or kind is JournaledDict:
        if type(old) is dict:
            known = old.get
            return {
                (k if type(k) in ATOMS else _copy(k, None)): (
                    v if type(v) in ATOMS or v is known(k) else _copy(v, None)
                )
                for k, v in value.items()
            }
        return {
            (k if type(k) in ATOMS else _copy(k, None)): (v if type(v) in ATOMS else _copy(v, None))
            for k, v in value.items()
        }
    if kind is list:
        if type(old) is list:
            return [
                v if v is k else _copy(v, None) for v, k in zip(value, chain(old, repeat(None)), strict=False)
            ]
        return [_copy(v, None) for v in value]
    if kind is set:
        if type(old) is set:
            return (value & old) | {_copy(v, None) for v in value - old}
        return {_copy(v, None) for v in value}
    reason = why_mutable(value)
    if reason is None:
        return value
    if isinstance(value, tuple):
        return tuple.__new__(kind, [_copy(v, None) for v in value])
    if _is_instance_of_dataclass(value):
        return _rebuilt(kind, {n: _copy(v, None) for n, v in _parts(value)})
    if isinstance(value, list | set | dict):  # a Counter, a defaultdict, ...
        plain = next(k for k in (list, set, dict) if isinstance(value, k)).__name__
        raise NotPlain(f"it is a {kind.__name__}: use a plain {plain}")
    raise NotPlain(reason)


def alike(value: Any, other: Any) -> bool:
    """True for values of one kind that are equal; NaN counts as equal to NaN, wherever it stands."""
    if value is other:
        return True
    kind, its_kind = type(value), type(other)
    if kind is JournaledDict:
        kind = dict
    if its_kind is JournaledDict:
        its_kind = dict
    if kind is not its_kind:
        return False
    if value == other:
        return True
    if kind is float:
        return bool(value != value and other != other)
    if kind is dict:
        return value.keys() == other.keys() and all(alike(v, other[k]) for k, v in value.items())
    if isinstance(value, list | tuple):
        return len(value) == len(other) and all(map(alike, value, other))
    if _is_instance_of_dataclass(value):
        return all(alike(v, getattr(other, n)) for n, v in _parts(value))
    return False


def shown(value: Any, most: int = 120) -> str:
    """`repr(value)`, cut to `most` characters; says so where there is none."""
    text = _text(repr, value)
    return text if len(text) <= most else text[: most - 1] + "…"


def said(value: Any) -> str:
    """`str(value)`; says so where there is none."""
    return _text(str, value)


def _text(form: Callable[[Any], str], value: Any) -> str:
    try:
        return form(value)
    except Exception as error:  # a learner's own method, or a number that Python finds too long
        if type(value) is int:
            return f"<a whole number of about {round(value.bit_length() * math.log10(2))} digits>"
        return f"<{type(value).__name__} without a text: {type(error).__name__} in its {form.__name__}>"


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
    if kind is dict or kind is JournaledDict:
        return {"$": "dict", "items": [[to_json(k), to_json(v)] for k, v in value.items()]}
    if kind is bytes:
        return {"$": "bytes", "hex": value.hex()}
    name = f"{kind.__module__}:{kind.__qualname__}"
    if isinstance(value, enum.Enum):
        return {"$": name, "name": value.name}
    if _is_instance_of_dataclass(value):
        return {"$": name, **{n: to_json(v) for n, v in _parts(value)}}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return {"$": name, **{n: to_json(v) for n, v in zip(kind._fields, value, strict=True)}}
    raise NotPlain(f"a {kind.__name__} cannot be written as JSON: use plain data or a dataclass")


def from_json(data: Any, types: Iterable[type] = ()) -> Any:
    """The value that `to_json` wrote. Classes must be in `types` or already be imported.

    Nothing is imported, no constructor runs, and nothing but dataclasses, named tuples and enums is
    built, so a file from a stranger can do no more than make plain data. Raises `LabError` for
    anything that `to_json` does not write.
    """
    known = {f"{t.__module__}:{t.__qualname__}": t for t in types}
    try:
        return _from_json(data, known)
    except LabError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise LabError(f"this is no value that to_json wrote: {error}") from error


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
    raise LabError(f"expected an object with the key '$' and its parts, found {shown(data)}")


def _build(name: str, parts: dict[str, Any], known: dict[str, type]) -> Any:
    kind = known.get(name) or _imported(name)
    if isinstance(kind, enum.EnumMeta) and parts.get("name") in kind.__members__:
        return kind[parts["name"]]
    if not isinstance(kind, type) or isinstance(kind, enum.EnumMeta):
        fields = None
    elif dataclasses.is_dataclass(kind):
        fields = [field.name for field in dataclasses.fields(kind)]
    else:
        fields = getattr(kind, "_fields", None) if issubclass(kind, tuple) else None
    if fields is None:
        raise LabError(
            f"the class {name} is not known here: import or define it first, or pass it in `types`"
        )
    if parts.keys() != set(fields):
        raise LabError(f"{name} does not have these parts: it has {list(fields)}, found {list(parts)}")
    if issubclass(kind, tuple):
        return tuple.__new__(kind, [parts[field] for field in fields])
    return _rebuilt(kind, parts)


def _rebuilt(kind: type, parts: dict[str, Any]) -> Any:
    # Not by the constructor: it may take other arguments than there are fields, or compute some.
    value: Any = object.__new__(kind)
    for name, part in parts.items():
        object.__setattr__(value, name, part)
    return value


def _imported(name: str) -> Any:
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        # Not getattr: a module may answer that with an import.
        found = getattr(found, "__dict__", {}).get(part)
    return found


def _parts(value: Any) -> list[tuple[str, Any]]:
    return [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]


def _is_instance_of_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)
