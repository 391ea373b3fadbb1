"""Values as plain text: short, safe for Markdown, as a reader would write them."""

from __future__ import annotations

import re
from typing import Any


def short(value: Any, limit: int = 28) -> str:
    """One line of at most `limit` characters for any value."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def markdown(value: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", lambda m: f"&#{ord(m[0])};", value)


def plainly(value: object) -> str:
    """A field's value as a reader would write it; sets in sorted order, so that it is the same every time."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{k}: {plainly(v)}" for k, v in value.items()) or "-"
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(map(str, value))) or "-"
    if isinstance(value, list) or type(value) is tuple:
        return ", ".join(map(plainly, value)) or "-"
    return str(value)


def stamp(value: Any) -> str:
    """A virtual time or a step number, short."""
    return f"{value:.6g}" if isinstance(value, float) else short(value, 12)
