"""Grammars of concrete syntax: one text from which come the schema, the reader of parse trees, and the printer.

A grammar is text, in lines as a :class:`~codling.trees.grammar.asdl.Schema`'s: ``type = alternative | alternative``.
An alternative is another type, a constructor that is defined elsewhere, or ``Constructor: elements``. Elements are

``'if'``
    a token;
``name:type``
    a field;
``name:type*`` or ``name:type+``, then a separator as ``','``, then ``/``
    a list, never empty with ``+``; both others may be left out, and the last says that each element has its own line;
``[elements]``
    may be there or not, and are told by the one field in them; ``[name:'token']`` is a flag;
``node{elements}``
    a node of the parse tree, with these children;
``~``, ``/``, ``//``, ``>``, ``<``
    layout, which is nothing to the reader: no space, a new line, an empty line, deeper, less deep.

A constructor whose elements are one node stands for that node; any other is no node of its own, and its elements are
children of the node that it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from codling.errors import ConfigError
from codling.trees.grammar.asdl import FLAG, Schema, logical_lines

__all__ = ["ConcreteGrammar", "Element", "Layout", "Node", "Option", "Postfix", "Slot", "Token", "TokenType"]

_ATOM = re.compile(
    r"\s*(?:(?P<layout>//|[~/<>])|(?P<token>'[^']+')|(?P<open>\[)|(?P<close>[\]}])|(?P<node>\w+)\{"
    r"|(?P<name>\w+):(?:(?P<flag>'[^']+')|(?P<type>\w+)(?P<many>[*+]?)(?P<separator>'[^']+')?(?P<lines>/(?!/))?))"
)
_DEFINED = re.compile(r"(\w+):\s+(.*)", re.S)


@dataclass(frozen=True, slots=True)
class TokenType:
    """A type whose values are texts."""

    name: str
    kinds: tuple[str, ...]
    "Nodes of the parse tree whose text it is."
    pattern: str
    "Of a whole text as it stands in a program."
    shortest: str
    quote: str = ""
    "What stands before and behind a text in the program, and is no part of the value."
    keywords: frozenset[str] = frozenset()
    "What matches the pattern, and is no such text; nor may a part between dots be one."

    def fits(self, text: str) -> bool:
        """Whether a value can be written down."""
        if re.fullmatch(self.pattern, f"{self.quote}{text}{self.quote}") is None:
            return False
        return not self.keywords or self.keywords.isdisjoint(text.split("."))


@dataclass(frozen=True, slots=True)
class Token:
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    mark: str


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a field's value stands, or its values."""

    field: str
    type: str
    many: bool
    needed: bool
    separator: str
    lines: bool


@dataclass(frozen=True, slots=True)
class Option:
    """Elements that are there if a field is."""

    field: str
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Node:
    kind: str
    elements: tuple[Element, ...]


Element = Token | Layout | Slot | Option | Node


@dataclass(frozen=True, slots=True)
class Postfix:
    """Operators behind an operand that the parser binds less than those before it, and the language more."""

    kind: str
    "Of the parser's node: an operand and a token."
    constructors: Mapping[str, str]
    "By token; each has one field."
    prefixes: tuple[str, ...]
    "Nodes that end in their operand."


@dataclass(slots=True)
class ConcreteGrammar:
    """A language: its schema, and how each constructor is written."""

    text: str = field(repr=False)
    tokens: Sequence[TokenType] = field(repr=False)
    postfix: Postfix | None = None
    schema: Schema = field(init=False, repr=False)
    forms: Mapping[str, tuple[Element, ...]] = field(init=False, repr=False)
    "Elements by constructor."
    token_types: Mapping[str, TokenType] = field(init=False, repr=False)
    _begins: dict[tuple[str, str], tuple[str, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Raises:
        ConfigError: the text is not in the notation, or names what it does not define.
        """
        self.token_types = {each.name: each for each in self.tokens}
        forms: dict[str, tuple[Element, ...]] = {}
        types: dict[str, list[str]] = {}
        for line in logical_lines(self.text):
            name, _, right = line.partition("=")
            types[name.strip()] = parts = []
            for part in _alternatives(right):
                defined = _DEFINED.fullmatch(part)
                parts.append(defined[1] if defined else part)
                if defined:
                    if defined[1] in forms:
                        raise ConfigError(f"grammar: two constructors {defined[1]!r}")
                    forms[defined[1]] = _elements(defined[1], defined[2])
        self.forms = forms
        lines = []
        for name, parts in types.items():
            unknown = [part for part in parts if part not in types and part not in forms]
            if unknown:
                raise ConfigError(f"grammar: {name} has {unknown[0]!r}, which is not defined")
            lines.append(f"{name} = " + " | ".join(self._abstract(part) if part in forms else part for part in parts))
        self.schema = Schema("\n".join(lines), {each.name: each.shortest for each in self.tokens})

    def beginning(self, type_name: str, kind: str) -> tuple[str, ...]:
        """The constructors of a type that can begin with a node of a kind."""
        found = self._begins.get((type_name, kind))
        if found is None:
            names = (each.name for each in self.schema.types[type_name])
            found = tuple(name for name in names if kind in self._first(self.forms[name]))
            self._begins[type_name, kind] = found
        return found

    def node(self, constructor: str) -> Node | None:
        """The one node that a constructor stands for, if it does."""
        rest = [each for each in self.forms[constructor] if not isinstance(each, Layout)]
        return rest[0] if len(rest) == 1 and isinstance(rest[0], Node) else None

    def _first(self, elements: Sequence[Element]) -> set[str]:
        found: set[str] = set()
        for element in elements:
            if isinstance(element, Layout):
                continue
            if isinstance(element, Option):
                found |= self._first(element.elements)
                continue
            if isinstance(element, Token):
                found.add(element.text)
            elif isinstance(element, Node):
                found.add(element.kind)
            elif element.type in self.token_types:
                found.update(self.token_types[element.type].kinds)
            else:
                for constructor in self.schema.types[element.type]:
                    found |= self._first(self.forms[constructor.name])
            if not (isinstance(element, Slot) and element.many and not element.needed):
                break
        return found

    def _abstract(self, name: str) -> str:
        return f"{name}({', '.join(_fields(self.forms[name], optional=False))})"


def _alternatives(text: str) -> list[str]:
    """Split at bars that are no tokens."""
    return [part.strip() for part in re.findall(r"(?:'[^']*'|[^|'])+", text)]


def _elements(constructor: str, text: str) -> tuple[Element, ...]:
    """Parse what stands behind a constructor's name."""
    stack: list[tuple[str | None, list[Element]]] = [(None, [])]
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _ATOM.match(text, at)
        if match is None or (match["close"] and len(stack) == 1):
            raise ConfigError(f"grammar: {constructor}: {text[at : at + 40].strip()!r} is no element")
        at = match.end()
        elements = stack[-1][1]
        if match["layout"]:
            elements.append(Layout(match["layout"]))
        elif match["token"]:
            elements.append(Token(match["token"][1:-1]))
        elif match["open"]:
            stack.append(("", []))
        elif match["node"]:
            stack.append((match["node"], []))
        elif match["flag"]:
            elements.append(Slot(match["name"], FLAG, False, False, "", False))
            elements.append(Token(match["flag"][1:-1]))
        elif match["close"]:
            kind, done = stack.pop()
            stack[-1][1].append(Node(kind, tuple(done)) if kind else _option(constructor, done))
        else:
            many, separator = match["many"], (match["separator"] or "''")[1:-1]
            elements.append(
                Slot(match["name"], match["type"], bool(many), many != "*", separator, bool(match["lines"]))
            )
    if len(stack) > 1:
        raise ConfigError(f"grammar: {constructor}: a bracket is not closed")
    return tuple(stack[0][1])


def _option(constructor: str, elements: Sequence[Element]) -> Option:
    slots = list(_slots(elements))
    if len(slots) != 1 or (slots[0].many and not slots[0].needed):
        raise ConfigError(f"grammar: {constructor}: brackets need one field, that is not empty if it is there")
    return Option(slots[0].field, tuple(each for each in elements if not isinstance(each, Slot) or each.type != FLAG))


def _slots(elements: Sequence[Element]) -> Iterator[Slot]:
    for element in elements:
        if isinstance(element, Slot):
            yield element
        elif isinstance(element, (Node, Option)):
            yield from _slots(element.elements)


def _fields(elements: Sequence[Element], *, optional: bool) -> Iterator[str]:
    """Fields in the notation of schemas."""
    for element in elements:
        if isinstance(element, Slot):
            quantity = ("*" if optional or not element.needed else "+") if element.many else "?" if optional else ""
            yield f"{element.type}{quantity} {element.field}"
        elif isinstance(element, Option):
            inner = list(_fields(element.elements, optional=True))
            yield from inner or [f"{FLAG}? {element.field}"]
        elif isinstance(element, Node):
            yield from _fields(element.elements, optional=optional)
