"""Values as plain text: short, safe for Markdown and HTML, as a reader would write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any

from paxos_lab.world.data import said


def short(value: Any, limit: int = 28) -> str:
    """One line of at most `limit` characters for any value."""
    line = " ".join("".join(c if c.isprintable() else " " for c in said(value)).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def markdown(value: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", lambda m: f"&#{ord(m[0])};", value)


def as_text(value: Any) -> str:
    """`value` as HTML that shows it as it is, on one line; what stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(short(value, 2000)))


def as_list(kind: str, items: Iterable[str]) -> str:
    """Sentences as an HTML list of that kind, "" if there are none."""
    inside = "".join(f"<li>{as_text(item)}</li>" for item in items)
    return f"<{kind}>{inside}</{kind}>" if inside else ""


def plainly(value: object) -> str:
    """A field's value as a reader would write it; sets in sorted order, so that it is the same every time."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{said(k)}: {plainly(v)}" for k, v in value.items()) or "-"
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(map(said, value))) or "-"
    if isinstance(value, list) or type(value) is tuple:
        return ", ".join(map(plainly, value)) or "-"
    return said(value)


def stamp(value: Any) -> str:
    """A virtual time or a step number, short."""
    return f"{value:.6g}" if isinstance(value, float) else short(value, 12)
