"""Schemas of abstract syntax: types, their constructors, and fields, in a notation close to Zephyr ASDL.

A schema is text. A line ``type = Constructor(type name, type? name, type* name, type+ name) | other_type`` gives the
alternatives of a type: constructors with their fields, and other types, whose alternatives it takes over. ``?`` is an
optional field, ``*`` a list, ``+`` a list that is never empty. The type ``flag`` has no values: a field ``flag? name``
says yes by being there. A line ``not Constructor(name, name)`` forbids two fields to stand together.

Zephyr ASDL: Wang, Appel, Korn & Serra 1997. Differs: ``+``, ``flag``, types within types, forbidden pairs; products are
constructors of the only kind.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from codling.errors import ConfigError

__all__ = ["FLAG", "Constructor", "Field", "Production", "Schema", "logical_lines"]

FLAG = "flag"
"The type of fields that are there or not, and nothing else."

_ALTERNATIVE = re.compile(r"(\w+)\s*(?:\(([^()]*)\))?")
_FIELD = re.compile(r"(\w+)([?*+]?)\s+(\w+)")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a constructor."""

    name: str
    type: str
    quantity: str
    'How often it stands: "" once, "?" at most once, "*" any number of times, "+" at least once.'

    @property
    def optional(self) -> bool:
        return self.quantity in ("?", "*")

    @property
    def many(self) -> bool:
        return self.quantity in ("*", "+")


@dataclass(frozen=True, slots=True)
class Constructor:
    """One way to make a node."""

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Production:
    """A constructor together with which of its optional fields are there: what a derivation applies in one step. A
    schema has each once, so productions are equal if they are the same object, which searches look up often.

    Lists are empty by being left out, so a derivation ends only those that have elements, and a function of no
    arguments costs one step, not seven (Yin & Neubig 2017 have one production for each number of elements instead;
    TranX 2018 ends every list, empty or not, in a step).
    """

    constructor: Constructor
    present: frozenset[str]
    fields: tuple[Field, ...]
    "Those to be filled, in order: the ones that are there, without flags."

    @property
    def name(self) -> str:
        """For people and files: the constructor and what optional fields it has, as ``Call+args``."""
        there = [each.name for each in self.constructor.fields if each.optional and each.name in self.present]
        return "+".join([self.constructor.name, *there])


class Schema:
    """The types of a language."""

    def __init__(self, text: str, tokens: Mapping[str, str]) -> None:
        """Args:
        text: in the notation above; ``#`` begins a comment.
        tokens: types whose values are texts, not nodes, with a short text of each.

        Raises:
            ConfigError: the text is not in the notation, or names a type that it does not define.
        """
        self.tokens = tokens
        self.constructors: dict[str, Constructor] = {}
        self._apart: dict[str, list[frozenset[str]]] = {}
        self._productions: dict[tuple[str, frozenset[str]], Production] = {}
        parts: dict[str, list[str | Constructor]] = {}
        for line in logical_lines(text):
            if line.startswith("not "):
                name, fields = self._alternative(line[4:])
                self._apart.setdefault(name, []).append(frozenset(re.findall(r"\w+", fields or "")))
                continue
            type_name, equals, right = (part.strip() for part in line.partition("="))
            if not equals or type_name in parts:
                raise ConfigError(f"schema: {line[:60]!r} defines no type of its own")
            parts[type_name] = [self._part(part) for part in right.split("|")]
        lists = [each for each in self.constructors.values() if any(f.many and f.type in tokens for f in each.fields)]
        if lists:
            raise ConfigError(f"schema: {lists[0].name} has a list of tokens; give each a constructor of its own")
        self.types = {name: tuple(self._expand(name, parts, ())) for name in parts}
        self._of_type = {name: frozenset(each.name for each in found) for name, found in self.types.items()}
        for constructor in self.constructors.values():
            for each in constructor.fields:
                if each.type not in self.types and each.type not in tokens and each.type != FLAG:
                    raise ConfigError(f"schema: {constructor.name}.{each.name} is of unknown type {each.type!r}")

    def production(self, name: str, present: frozenset[str] | set[str]) -> Production:
        """The production of a constructor with these of its optional fields.

        Raises:
            ConfigError: no such constructor or field, or fields that cannot stand together.
        """
        key = (name, frozenset(present))
        found = self._productions.get(key)
        if found is None:
            found = self._productions[key] = self._make(*key)
        return found

    def named(self, name: str) -> Production:
        """The production of a name such as ``Call+args``."""
        constructor, *present = name.split("+")
        return self.production(constructor, frozenset(present))

    def productions(self, type_name: str) -> list[Production]:
        """All that a type allows; there can be many of a constructor with many optional fields."""
        found = []
        for constructor in self.types[type_name]:
            optional = [each.name for each in constructor.fields if each.optional]
            for size in range(len(optional) + 1):
                for present in itertools.combinations(optional, size):
                    if self._allowed(constructor.name, frozenset(present)):
                        found.append(self.production(constructor.name, frozenset(present)))
        return found

    def allows(self, type_name: str, production: Production) -> bool:
        """Whether a slot of a type takes a production."""
        return production.constructor.name in self._of_type[type_name]

    def _make(self, name: str, present: frozenset[str]) -> Production:
        constructor = self.constructors.get(name)
        if constructor is None:
            raise ConfigError(f"the grammar has no constructor {name!r}")
        unknown = present - {each.name for each in constructor.fields if each.optional}
        if unknown or not self._allowed(name, present):
            raise ConfigError(f"the grammar has no {name} with {', '.join(sorted(unknown or present))}")
        fields = tuple(
            each for each in constructor.fields if each.type != FLAG and (not each.optional or each.name in present)
        )
        return Production(constructor, present, fields)

    def _allowed(self, name: str, present: frozenset[str]) -> bool:
        return not any(pair <= present for pair in self._apart.get(name, ()))

    def _alternative(self, text: str) -> tuple[str, str | None]:
        match = _ALTERNATIVE.fullmatch(text.strip())
        if match is None:
            raise ConfigError(f"schema: {text.strip()[:60]!r} is no alternative")
        return match[1], match[2]

    def _part(self, text: str) -> str | Constructor:
        name, fields = self._alternative(text)
        if fields is None:
            return name
        made = Constructor(name, tuple(_field(each) for each in fields.split(",") if each.strip()))
        if self.constructors.setdefault(name, made) != made:
            raise ConfigError(f"schema: two constructors {name!r}")
        return made

    def _expand(
        self, name: str, parts: dict[str, list[str | Constructor]], above: tuple[str, ...]
    ) -> dict[Constructor, None]:
        if name not in parts or name in above:
            raise ConfigError(f"schema: type {name!r} is not defined, or by itself")
        found: dict[Constructor, None] = {}
        for part in parts[name]:
            found |= {part: None} if isinstance(part, Constructor) else self._expand(part, parts, (*above, name))
        return found


def _field(text: str) -> Field:
    match = _FIELD.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"schema: {text.strip()!r} is no field")
    return Field(name=match[3], type=match[1], quantity=match[2])


def logical_lines(text: str) -> list[str]:
    """Lines without comments; one that is indented goes on with the one before."""
    lines: list[str] = []
    for line in text.splitlines():
        bare = line.partition("#")[0].rstrip()
        if bare and bare[0].isspace() and lines:
            lines[-1] += " " + bare.strip()
        elif bare:
            lines.append(bare)
    return lines
