"""State machines for replicas: the same commands in the same order give the same state everywhere.

A machine is a dataclass of plain data with `apply(operation) -> result`. It may read nothing but its
fields and the operation: no clock, no random number, or replicas drift apart. Write your own like these and hand it to
`replicated_log(machine=...)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Get:
    """Read `key`; the result is its value, None if there is none."""

    key: str

    def __str__(self) -> str:
        return f"get {self.key}"


@dataclass(frozen=True)
class Put:
    """Set `key`; the result is the value before."""

    key: str
    value: Any

    def __str__(self) -> str:
        return f"put {self.key} {self.value}"


@dataclass(frozen=True)
class Append:
    """Append text to the value of `key`, "" if there is none; the result is the new value."""

    key: str
    text: str

    def __str__(self) -> str:
        return f"append {self.key} {self.text}"


@dataclass(frozen=True)
class CompareAndSet:
    """Set `key` to `value` if it holds `expected`; the result is True if it did."""

    key: str
    expected: Any
    value: Any

    def __str__(self) -> str:
        return f"cas {self.key} {self.expected} {self.value}"


@dataclass(frozen=True)
class Add:
    """Add a number to the counter; the result is the new sum."""

    amount: int

    def __str__(self) -> str:
        return f"add {self.amount}"


class UnknownOperation(str):
    """The result of an operation that the machine does not know: the same on every replica."""


@dataclass
class KeyValueStore:
    """A dictionary of values by key."""

    data: dict[str, Any] = field(default_factory=dict)

    def apply(self, operation: Any) -> Any:
        """Change the state and return the result; an operation that it does not know changes nothing."""
        match operation:
            case Get(key):
                return self.data.get(key)
            case Put(key, value):
                before = self.data.get(key)
                self.data[key] = value
                return before
            case Append(key, text):
                self.data[key] = f"{self.data.get(key) or ''}{text}"
                return self.data[key]
            case CompareAndSet(key, expected, value):
                if self.data.get(key) != expected:
                    return False
                self.data[key] = value
                return True
        return UnknownOperation(f"a KeyValueStore does not know {operation}")


@dataclass
class Counter:
    """One number."""

    total: int = 0

    def apply(self, operation: Any) -> Any:
        """Change the state and return the result."""
        match operation:
            case Add(amount):
                self.total += amount
                return self.total
            case Get(_):
                return self.total
        return UnknownOperation(f"a Counter does not know {operation}")
