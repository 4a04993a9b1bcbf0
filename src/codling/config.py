"""Configuration as frozen dataclasses: read from plain data, changed by dotted name, written back.

A field's meaning and unit stand in a string under it, as in::

    @dataclass(frozen=True, kw_only=True)
    class OptimConfig:
        lr: float = 1e-3
        "Peak learning rate of Adam, per step."

Supported field types: bool, int, float, str, None, unions of these, Literal, tuple[X, ...], and nested configurations.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, TypeVar, Union

from codling.errors import ConfigError, nearest

__all__ = [
    "Plain",
    "describe",
    "first_difference",
    "flatten",
    "from_mapping",
    "override",
    "parse_assignments",
    "to_mapping",
]

C = TypeVar("C")
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"What a configuration is written as: the types of JSON."


def from_mapping(cls: type[C], mapping: Mapping[str, Any], where: str = "") -> C:
    """Make a configuration from plain data, as read from JSON or TOML.

    Raises:
        ConfigError: an unknown key (names the nearest known one), a missing key, or a value of another type.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"{where or cls.__name__} must be a table of keys and values, not {type(mapping).__name__}")
    hints = _hints(cls)
    values: dict[str, Any] = {}
    for key, value in mapping.items():
        name = f"{where}.{key}" if where else str(key)
        if key not in hints:
            raise ConfigError(f"unknown key {name!r}{nearest(str(key), hints)}")
        values[key] = _convert(hints[key], value, name)
    try:
        return cls(**values)
    except TypeError as error:  # a field without a default was left out
        raise ConfigError(
            f"{where or cls.__name__}: {str(error).removeprefix(f'{cls.__name__}.__init__() ')}"
        ) from None


def to_mapping(config: Any) -> dict[str, Any]:
    """Write a configuration as plain data, nested as its dataclasses are; from_mapping reads it back unchanged."""
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def flatten(config: Any, where: str = "") -> dict[str, Any]:
    """All leaf values by dotted name, for tables, logs, and the dimensions of a search."""
    leaves: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value, name = getattr(config, field.name), f"{where}{field.name}"
        leaves |= flatten(value, f"{name}.") if dataclasses.is_dataclass(value) else {name: value}
    return leaves


def override(config: C, changes: Mapping[str, Any]) -> C:
    """Copy a configuration with some leaves changed, named with dots, for example {"optim.lr": 0.01}.

    Values may be strings as typed on a command line; they are converted to the field's type.

    Raises:
        ConfigError: no such field, or a value that does not convert.
    """
    known = flatten(config)
    for name, value in changes.items():
        if name not in known:
            raise ConfigError(f"unknown key {name!r}{nearest(name, known)}")
        config = _replace(config, name.split("."), value, name)
    return config


def parse_assignments(assignments: list[str]) -> dict[str, str]:
    """Split command-line assignments, ``["optim.lr=0.01"]``, into names and values."""
    parsed = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise ConfigError(f"expected KEY=VALUE, for example optim.lr=0.01, not {assignment!r}")
        parsed[name.strip()] = value.strip()
    return parsed


def first_difference(
    then: Mapping[str, Any], now: Mapping[str, Any], ignore: Collection[str] = ()
) -> tuple[str, Any, Any] | None:
    """The first leaf, by dotted name, in which two configurations written as plain data differ; None when none does.

    Args:
        ignore: dotted names that may differ.

    Returns:
        Its name and its value in each; None stands for a leaf that is not there.
    """
    before, after = dict(_leaves(then)), dict(_leaves(now))
    for name in sorted(before.keys() | after.keys()):
        if name not in ignore and before.get(name) != after.get(name):
            return name, before.get(name), after.get(name)
    return None


def describe(cls: type) -> dict[str, str]:
    """The string under each field of a configuration class, by field name."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    meanings: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            meanings[field.target.id] = inspect.cleandoc(below.value.value)
    return meanings


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, list(value) if isinstance(value, tuple) else value


def _hints(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _replace(config: Any, path: list[str], value: Any, name: str) -> Any:
    head, *rest = path
    if rest:
        new = _replace(getattr(config, head), rest, value, name)
    else:
        new = _convert(_hints(type(config))[head], value, name)
    return dataclasses.replace(config, **{head: new})


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_mapping(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _convert(hint: Any, value: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return value if isinstance(value, hint) else from_mapping(hint, value, name)
    if origin is Literal:
        for choice in arguments:
            if value == choice and type(value) is type(choice):
                return choice
        by_text = {str(choice): choice for choice in arguments}
        if isinstance(value, str) and value in by_text:
            return by_text[value]
        raise ConfigError(f"{name} must be one of {', '.join(map(str, arguments))}, not {value!r}")
    if origin in (Union, types.UnionType):
        return _convert_union(arguments, value, name)
    if origin is tuple:
        if isinstance(value, str):
            value = [] if value.lower() in ("", "none") else value.split(",")
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{name} must be a list, not {value!r}")
        return tuple(_convert(arguments[0], item, f"{name}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} must be a table, not {value!r}")
        return {str(key): _convert(arguments[1], item, f"{name}.{key}") for key, item in value.items()}
    return _convert_scalar(hint, value, name)


def _convert_union(choices: tuple[Any, ...], value: Any, name: str) -> Any:
    if type(None) in choices and (value is None or (isinstance(value, str) and value.lower() == "none")):
        return None
    for choice in choices:
        if choice is not type(None):
            try:
                return _convert(choice, value, name)
            except ConfigError as error:
                failure = error
    raise failure


def _convert_scalar(hint: Any, value: Any, name: str) -> Any:
    if hint is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
    elif hint is int and not isinstance(value, bool):
        if isinstance(value, int):
            return value
        if isinstance(value, str):
            try:
                return int(value.replace("_", ""))
            except ValueError:
                pass
    elif hint is float and not isinstance(value, bool):
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                pass
    elif hint is str and isinstance(value, str):
        return value
    expected = getattr(hint, "__name__", str(hint))
    raise ConfigError(f"{name} must be {expected}, not {value!r}")
