"""A dictionary that notes which of its entries were written, so that nobody has to look at the others.

A field with many entries, the log of a server say, is one of these while a bus looks after it. It
behaves, compares and prints as a dictionary does; what is made from it (`copy`, `|`, a pickle) is
a plain one.
"""

from __future__ import annotations

from typing import Any


class JournaledDict(dict[Any, Any]):
    """A dictionary; `written`: the keys set or taken out since somebody emptied that set."""

    __slots__ = ("written",)

    def __init__(self, content: dict[Any, Any]) -> None:
        super().__init__(content)
        self.written: set[Any] = set()

    def __setitem__(self, key: Any, value: Any) -> None:
        self.written.add(key)
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: Any) -> None:
        self.written.add(key)
        dict.__delitem__(self, key)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        self.written.add(key)
        return dict.setdefault(self, key, default)

    def pop(self, key: Any, *default: Any) -> Any:
        self.written.add(key)
        return dict.pop(self, key, *default)

    def popitem(self) -> tuple[Any, Any]:
        key, value = dict.popitem(self)
        self.written.add(key)
        return key, value

    def clear(self) -> None:
        self.written.update(self)
        dict.clear(self)

    def update(self, *content: Any, **more: Any) -> None:
        new = dict(*content, **more)
        self.written.update(new)
        dict.update(self, new)

    def __ior__(self, other: Any) -> JournaledDict:  # type: ignore[misc]
        self.update(other)
        return self

    def __reduce__(self) -> Any:
        return dict, (dict(self),)
