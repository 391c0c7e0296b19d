"""Everything in the five packages that reads text: compiled patterns, and public functions."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

from servicekit import json_types

PACKAGES = ("servicekit", "api_gateway", "auth_service", "prompt_service", "generation_service")
_NOT_OURS_TO_RUN = (".versions", ".testing", "__main__")
_MOST_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A compiled pattern and where it stands."""

    place: str
    pattern: re.Pattern[Any]


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of the packages but migrations, test helpers and entry points."""
    names = [
        found.name
        for package in PACKAGES
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        if not any(part in found.name for part in _NOT_OURS_TO_RUN)
    ]
    return tuple(importlib.import_module(name) for name in (*PACKAGES, *names))


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions that are no coroutines, by their full name; each where it is defined."""
    for module in modules():
        for name, value in vars(module).items():
            plain = inspect.unwrap(value) if callable(value) else None
            if name.startswith("_") or not inspect.isfunction(plain) or plain.__module__ != module.__name__:
                continue
            if not inspect.iscoroutinefunction(plain) and not inspect.isasyncgenfunction(plain):
                yield f"{module.__name__}.{name}", value


def forget() -> None:
    """Empty the bounded caches, so that the same text is work again."""
    for clear in _clearing():
        clear()


@cache
def _clearing() -> tuple[Callable[[], None], ...]:
    values = [value for module in modules() for value in vars(module).values() if hasattr(type(value), "cache_clear")]
    return tuple(value.cache_clear for value in values if value.cache_parameters()["maxsize"] is not None)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of its parameters and of what it returns."""
    plain = inspect.unwrap(function)
    try:
        return get_type_hints(plain, localns=dict(vars(json_types)))
    except NameError:  # a name that only the type checker imports
        return dict(plain.__annotations__)


def patterns() -> list[Found]:
    """Every pattern once: in a module, in what its cached functions return, or spelt out where it is used."""
    found: dict[tuple[str | bytes, int], Found] = {}
    for module in modules():
        for name, value in vars(module).items():
            for place, pattern in _inside(value, f"{module.__name__}.{name}", _MOST_DEPTH):
                found.setdefault((pattern.pattern, pattern.flags), Found(place, pattern))
        for place, pattern in (*_from_caches(module), *_spelt_out(module)):
            found.setdefault((pattern.pattern, pattern.flags), Found(place, pattern))
    return list(found.values())


def _inside(value: object, place: str, depth: int) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The patterns inside a value, however it holds them."""
    if isinstance(value, re.Pattern):
        yield place, value
    elif depth and isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _inside(entry, f"{place}[{key}]", depth - 1)
    elif depth and isinstance(value, tuple | list | set | frozenset):
        for number, entry in enumerate(value):
            yield from _inside(entry, f"{place}[{number}]", depth - 1)
    elif depth and is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from _inside(getattr(value, one.name), f"{place}.{one.name}", depth - 1)


def _from_caches(module: ModuleType) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """What the cached functions make of the data tables: each is called with every value of its enumerations."""
    for name, value in vars(module).items():
        plain = inspect.unwrap(value) if callable(value) else None
        if not hasattr(value, "cache_info") or plain is None or plain.__module__ != module.__name__:
            continue
        hints = hints_of(plain)
        choices = [_choices(hints.get(each)) for each in inspect.signature(plain).parameters]
        if "Pattern" not in str(hints.get("return")) and choices:
            continue
        for arguments in _each_of(choices):
            yield from _inside(value(*arguments), f"{module.__name__}.{name}()", _MOST_DEPTH)


def _choices(hint: object) -> list[object]:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint)
    return [each for each in get_args(hint) if isinstance(each, str)]


def _each_of(choices: list[list[object]]) -> Iterator[tuple[object, ...]]:
    if not choices:
        yield ()
        return
    for rest in _each_of(choices[1:]):
        yield from ((first, *rest) for first in choices[0])


def _spelt_out(module: ModuleType) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Patterns written as a literal in a call such as `re.sub(r"…", …)`."""
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if not is_call or not isinstance(node.func.value, ast.Name) or node.func.value.id != "re" or not node.args:  # type: ignore[attr-defined]  # is_call says so
            continue
        first = node.args[0]  # type: ignore[attr-defined]  # a call, as above
        if node.func.attr not in {"compile", "escape"} and isinstance(first, ast.Constant):  # type: ignore[attr-defined]  # a call, as above
            flags = re.IGNORECASE if "re.IGNORECASE" in ast.unparse(node) else re.NOFLAG
            yield f"{module.__name__}:{node.lineno}", re.compile(first.value, flags)  # type: ignore[attr-defined]  # a call, as above
