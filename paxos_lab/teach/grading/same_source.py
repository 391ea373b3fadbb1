"""Are the loaded modules of the course what their files say?

`untouched(...)` reads the files again and compares: the code and the defaults of every function, the
members and bases of every class, every name that a module imports or binds to something plain.

Imports nothing of paxos_lab: `integrity` runs it as a fresh copy, straight from the file.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import dataclasses
import enum
import functools
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2]

MEND = "Restart the kernel, and leave paxos_lab and `check` as they are."

# One class of each kind, to see what this Python puts into a class whose source does not name it:
# each version writes something new. Names with an underscore in front are Python's, others are ours.
_SAMPLES = """
from abc import ABC, abstractmethod
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import singledispatch
from typing import Generic, Protocol, TypeVar, get_type_hints, runtime_checkable
T = TypeVar("T")
class Plain(Generic[T]):
    field: int
    def method(self):
        self.other = 0
class Base(ABC):
    @abstractmethod
    def method(self): ...
@runtime_checkable
class Shape(Protocol):
    field: int
    def method(self) -> int: ...
@dataclass(order=True, unsafe_hash=True)
class Data:
    field: int = 0
@dataclass
class Open(Plain):
    more: int = 0
@dataclass(frozen=True, slots=True)
class Closed:
    field: int = 0
class Helped:
    @contextmanager
    def method(self): ...
    @singledispatch
    def other(self): ...
isinstance(1, Shape), issubclass(Base, Base)
for cls in (Plain, Base, Shape, Data, Open, Closed, Helped):
    get_type_hints(cls), cls.__annotations__
for made in (Data(), Open(), Closed(), Helped()):
    copy(made), repr(made), hash(type(made))
"""
_MISSING: Any = object()


class Tampered(AssertionError):
    """Something is not as the course's files have it; the text says what."""


def untouched(*starts: str) -> None:
    """Compare these loaded modules, and all of the course that they import, with their files.

    Raises `Tampered` at the first difference.
    """
    for name in ("all", "any", "compile", "eval", "exec", "getattr", "isinstance", "len", "open", "vars"):
        if type(vars(builtins)[name]) is not types.BuiltinFunctionType:
            raise Tampered(f"The builtin {name} was replaced. {MEND}")
    modules: dict[str, _Module] = {}
    to_do = list(starts)
    while to_do:
        name = to_do.pop()
        if name not in modules and sys.modules.get(name) is not None:
            modules[name] = _Module(name)
            to_do += modules[name].imports()
    for module in modules.values():  # what was replaced is named where it stands, not where it is used
        module.compare()
    for module in modules.values():
        module.compare_imports()


class _Module:
    """One loaded module beside its file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.loaded = sys.modules[name]
        self.names = vars(self.loaded)
        stem = PACKAGE.joinpath(*name.split(".")[1:])
        path = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
        if not path.is_file():
            raise Tampered(f"The course has no module {name}; something put it there. {MEND}")
        self.tree = ast.parse(path.read_bytes())
        self.top = list(_flat(self.tree.body))
        self.repeated = _repeated(self.top) | _declared_global(self.tree)
        self.codes: dict[str, list[types.CodeType]] = {}
        for code in _codes_in(compile(self.tree, str(path), "exec", dont_inherit=True)):
            self.codes.setdefault(code.co_qualname, []).append(code)

    def changed(self, what: str, how: str = "is not what the course's file says") -> Tampered:
        return Tampered(f"{self.name}.{what} {how}. {MEND}")

    def imports(self) -> set[str]:
        """The modules of the course that this one names, also those inside functions."""
        found = set()
        for node in _statements(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    below = f"{node.module}.{alias.name}"
                    found.add(below if below in sys.modules else node.module)
        return {name for name in found if name.split(".")[0] == "paxos_lab"}

    def compare_imports(self) -> None:
        for statement in self.top:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self.imported(statement)

    def compare(self) -> None:
        if self.names.get("__builtins__") not in (builtins, vars(builtins)):
            raise self.changed("__builtins__")
        bound = {name for s in self.top for name in _bound(s)}
        for name in set(self.names) - bound:
            if hasattr(builtins, name) and not name.startswith("__"):
                raise self.changed(name, "was put there and hides the builtin")
        for statement in self.top:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                self.function(self.names.get(statement.name, _MISSING), statement, statement.name)
            elif isinstance(statement, ast.ClassDef):
                self.class_(self.names.get(statement.name, _MISSING), statement, statement.name)
            else:
                for name, value in _assigned(statement):
                    if name not in self.repeated and value is not None:
                        self.value(self.names.get(name, _MISSING), value, name)

    def imported(self, statement: ast.Import | ast.ImportFrom) -> None:
        """What a module imported is still what the other one has."""
        for alias in statement.names:
            name = alias.asname or alias.name.split(".")[0]
            if name in self.repeated:
                continue
            if isinstance(statement, ast.Import):
                wanted: Any = sys.modules.get(alias.name if alias.asname else name, _MISSING)
            else:
                source = sys.modules.get(statement.module or "")
                wanted = getattr(source, alias.name, _MISSING)
            if wanted is not _MISSING and self.names.get(name, _MISSING) is not wanted:
                raise self.changed(name)

    def value(self, found: Any, expression: ast.expr, name: str) -> None:
        """A name bound to something that the source says plainly still has it."""
        if not self.says(expression, found):
            raise self.changed(name)

    def says(self, expression: ast.expr, found: Any) -> bool:
        """Does the source say this value? True also where it cannot be read off the source."""
        match expression:
            case ast.Lambda():
                return isinstance(found, types.FunctionType) and self.is_ours(found.__code__)
            case ast.Tuple(parts) | ast.List(parts) if any(isinstance(p, ast.Starred) for p in parts):
                return True
            case ast.Tuple(parts):
                return (
                    isinstance(found, tuple)
                    and len(found) == len(parts)
                    and all(map(self.says, parts, found))
                )
            case ast.List(parts) if parts:
                return (
                    isinstance(found, list) and len(found) == len(parts) and all(map(self.says, parts, found))
                )
            case ast.Dict(keys, values):
                return isinstance(found, dict) and all(
                    key.value in found and self.says(value, found[key.value])
                    for key, value in zip(keys, values, strict=True)
                    if isinstance(key, ast.Constant)
                )
            case ast.Call(function, arguments, keywords):
                cls = self.plain(function)
                if not (
                    isinstance(cls, type) and dataclasses.is_dataclass(cls) and cls.__module__ != "builtins"
                ):
                    return True
                given = dict(
                    zip((f.name for f in dataclasses.fields(cls) if f.init), arguments, strict=False)
                )
                given |= {k.arg: k.value for k in keywords if k.arg is not None}
                return type(found) is cls and all(self.says(e, getattr(found, n)) for n, e in given.items())
        wanted = self.plain(expression)
        return wanted is _MISSING or _equal(wanted, found)

    def function(self, found: Any, node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> None:
        wanted = self.codes.get(name, [])
        functions = list(self.inside(found)) if node.decorator_list else [found]
        if not functions:
            raise self.changed(name)
        for function in functions:
            if not isinstance(function, types.FunctionType) or function.__globals__ is not self.names:
                raise self.changed(name)
            if not any(_same_code(function.__code__, code) for code in wanted):
                raise self.changed(name)
            if len(wanted) == 1:
                self.defaults(function, node.args, name)

    def inside(self, found: Any) -> Iterator[Any]:
        """The functions that a decorated name stands for, without what decorators of the course put round them."""
        if isinstance(found, staticmethod | classmethod):
            yield from self.inside(found.__func__)
        elif isinstance(found, property):
            for part in (found.fget, found.fset, found.fdel):
                if part is not None:
                    yield from self.inside(part)
        elif isinstance(found, functools.cached_property | functools.partial):
            yield from self.inside(found.func)
        elif isinstance(found, types.FunctionType) and self.is_ours(found.__code__):
            yield found
        elif hasattr(found, "__wrapped__") and (
            not isinstance(found, types.FunctionType) or _written_by(found)
        ):
            yield from self.inside(found.__wrapped__)
        elif hasattr(found, "this_class"):  # a handler of traitlets
            yield from self.inside(found.func) if hasattr(found, "func") else ()
        else:
            yield found

    def is_ours(self, code: types.CodeType) -> bool:
        return any(_same_code(code, one) for one in self.codes.get(code.co_qualname, ()))

    def defaults(self, function: types.FunctionType, arguments: ast.arguments, name: str) -> None:
        """Defaults that can be read off the source are the same; there are as many as there were."""
        found = function.__defaults__ or ()
        if len(found) != len(arguments.defaults):
            raise self.changed(name, "has other defaults than in the course's file")
        pairs = list(zip(arguments.defaults, found, strict=True))
        by_name = function.__kwdefaults__ or {}
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if default is not None:
                pairs.append((default, by_name.get(argument.arg, _MISSING)))
        for expression, value in pairs:
            if not self.says(expression, value):
                raise self.changed(name, "has other defaults than in the course's file")

    def class_(self, found: Any, node: ast.ClassDef, name: str) -> None:
        if not isinstance(found, type) or (found.__module__, found.__qualname__) != (self.name, name):
            raise self.changed(name)
        bases = tuple(self.plain(base) for base in node.bases) or (object,)
        if typing.NamedTuple in bases:
            bases = (tuple,)
        if _MISSING not in bases and types.resolve_bases(bases) != found.__bases__:
            raise self.changed(name, "has other bases than in the course's file")
        statements = list(_flat(node.body))
        bound = {_mangled(n, node.name) for s in statements for n in _bound(s)}
        repeated = _repeated(statements)
        for statement in statements:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                key = _mangled(statement.name, node.name)
                self.function(vars(found).get(key, _MISSING), statement, f"{name}.{statement.name}")
            elif isinstance(statement, ast.ClassDef):
                self.class_(vars(found).get(statement.name), statement, f"{name}.{statement.name}")
            else:
                for key, value in _assigned(statement):
                    if key not in repeated:
                        self.attribute(found, _mangled(key, node.name), value, f"{name}.{key}")
        self.nothing_added(found, bound, name)

    def attribute(self, cls: type, key: str, expression: ast.expr | None, name: str) -> None:
        """A field of the class body: its plain value, or no value at all."""
        found = vars(cls).get(key, _MISSING)
        if issubclass(cls, enum.Enum | tuple) or isinstance(found, types.MemberDescriptorType):
            return
        if expression is None:
            if found is not _MISSING:
                raise self.changed(name, "was set on the class")
        else:
            self.value(found, expression, name)

    def nothing_added(self, cls: type, bound: set[str], name: str) -> None:
        if issubclass(cls, enum.Enum | tuple) or hasattr(cls, "class_traits"):
            bound = bound | {key for key in vars(cls) if key.startswith("_")}
        for key, value in vars(cls).items():
            if key in bound:
                continue
            inner = getattr(value, "__func__", value)
            if isinstance(inner, types.FunctionType):
                if _written_by(inner) or self.is_ours(inner.__code__):
                    continue  # by @dataclass, or by a loop in the module
            elif type(value) in _what_python_writes().names.get(key, ()):
                continue
            elif isinstance(value, types.MemberDescriptorType) and value.__objclass__ is cls:
                continue  # one of its __slots__, whose list was compared
            raise self.changed(f"{name}.{key}", "was added to the class")

    def plain(self, expression: ast.expr) -> Any:
        """The value of a constant or a dotted name; `_MISSING` if it is anything else."""
        match expression:
            case ast.Constant(value):
                return value
            case ast.Name(name):
                return self.names.get(name, vars(builtins).get(name, _MISSING))
            case ast.Attribute(owner, name):
                there = self.plain(owner)
                value = _MISSING if there is _MISSING else getattr(there, name, _MISSING)
                # Made anew each time it is asked for: nothing to compare.
                return value if value is getattr(there, name, _MISSING) else _MISSING
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
                return -value
        return _MISSING


def _codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _codes_in(constant)


def _same_code(one: types.CodeType, other: types.CodeType) -> bool:
    """The same instructions, names and constants, wherever the file lies."""
    keys = ("co_code", "co_names", "co_varnames", "co_freevars", "co_argcount", "co_kwonlyargcount",
            "co_posonlyargcount", "co_flags", "co_qualname", "co_exceptiontable")  # fmt: skip
    if any(getattr(one, key) != getattr(other, key) for key in keys):
        return False
    if len(one.co_consts) != len(other.co_consts):
        return False
    for a, b in zip(one.co_consts, other.co_consts, strict=True):
        if isinstance(a, types.CodeType) and isinstance(b, types.CodeType):
            if not _same_code(a, b):
                return False
        elif type(a) is not type(b) or a != b:
            return False
    return True


def _equal(wanted: Any, found: Any) -> bool:
    if wanted is found:
        return True
    if isinstance(wanted, tuple) and isinstance(found, tuple):
        return len(wanted) == len(found) and all(map(_equal, wanted, found))
    simple = (str, bytes, int, float, complex, type(None))
    return isinstance(wanted, simple) and type(wanted) is type(found) and wanted == found


class _Writes(typing.NamedTuple):
    names: dict[str, set[type]]  # and what stands there, where it is not a function
    files: set[str]  # of the functions that it puts there


@functools.cache
def _what_python_writes() -> _Writes:
    """What this very Python writes into a class: asked of samples, so that no list of names goes stale."""
    names: dict[str, set[type]] = {}
    files: set[str] = set()
    # Annotations that are kept as text leave other traces than those that are evaluated.
    for flags in (0, __future__.annotations.compiler_flag):
        space: dict[str, Any] = {"__name__": "builtins"}  # @dataclass wants a module that is there
        exec(compile(_SAMPLES, "<samples>", "exec", flags, dont_inherit=True), space)
        for cls in [it for it in space.values() if isinstance(it, type) and it.__module__ == "builtins"]:
            for name, value in vars(cls).items():
                inner = getattr(value, "__func__", value)
                if isinstance(inner, types.FunctionType):
                    files.add(inner.__code__.co_filename)
                elif name.startswith("_"):
                    names.setdefault(name, set()).add(type(value))
    return _Writes(names, files - {"<samples>"})


def _written_by(function: types.FunctionType) -> bool:
    """Is this a function that @dataclass made (it has no file), or another of Python's own writers of methods?"""
    return function.__code__.co_filename in _what_python_writes().files


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body, those under `if` and `try` too, but for what only a type checker sees."""
    for statement in body:
        if isinstance(statement, ast.If):
            if "TYPE_CHECKING" not in ast.unparse(statement.test):
                yield from _flat(statement.body)
            yield from _flat(statement.orelse)
        elif isinstance(statement, ast.Try):
            yield from _flat(statement.body)
        else:
            yield statement


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id, statement.value


def _bound(statement: ast.stmt) -> set[str]:
    """Every name that a statement at the top of a module or class binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {a.asname or a.name.split(".")[0] for a in statement.names}
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _repeated(statements: list[ast.stmt]) -> set[str]:
    seen: set[str] = set()
    twice: set[str] = set()
    for statement in statements:
        names = _bound(statement)
        twice |= names & seen
        seen |= names
    return twice


def _declared_global(tree: ast.AST) -> set[str]:
    return {name for node in _statements(tree) if isinstance(node, ast.Global) for name in node.names}


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Every statement in a tree. No expression holds one, so none is entered: `ast.walk` takes ten times as long."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for part in getattr(node, block, ()):
            if isinstance(part, ast.stmt):
                yield part
            yield from _statements(part)


def _mangled(name: str, owner: str) -> str:
    """`__x` in a class body is stored under another name."""
    return f"_{owner.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
