"""Parse trees of tree-sitter into the actions of a concrete grammar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codling.errors import InputError
from codling.trees.grammar.concrete import ConcreteGrammar, Element, Layout, Node, Option, Slot, Token, TokenType
from codling.trees.grammar.tree import CLOSE, Action, Close

if TYPE_CHECKING:
    import tree_sitter

__all__ = ["actions_of_node"]


@dataclass(frozen=True, slots=True)
class _Found:
    """A constructor, and what its fields hold."""

    constructor: str
    fields: dict[str, _Value | list[_Value]]


@dataclass(frozen=True, slots=True)
class _Below:
    """A node that is still to be read, and the type that it has to be of."""

    type: str
    node: tree_sitter.Node
    postfix: str = ""
    "The constructor of an operator that stands behind the node, and is its innermost operand's."


_Value = _Found | _Below | str


def actions_of_node(grammar: ConcreteGrammar, root: tree_sitter.Node) -> Iterator[Action]:
    """The actions that derive what a node and those below it stand for. Comments are skipped.

    Without recursion, as expressions can be thousands of operators deep.

    Raises:
        InputError: a node is none that the grammar has at its place.
    """
    waiting: list[_Value | Close] = [_Below("module", root)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, (str, Close)):
            yield value
            continue
        if isinstance(value, _Below):
            value = _read(grammar, value)
        production = grammar.schema.production(value.constructor, _present(grammar, value))
        yield production
        for field in reversed(production.fields):
            held = value.fields[field.name]
            if isinstance(held, list):
                waiting.append(CLOSE)
                waiting.extend(reversed(held))
            else:
                waiting.append(held)


def _present(grammar: ConcreteGrammar, found: _Found) -> set[str]:
    optional = grammar.schema.constructors[found.constructor].fields
    return {each.name for each in optional if each.optional and found.fields.get(each.name)}


def _read(grammar: ConcreteGrammar, below: _Below) -> _Found:
    node, postfix = below.node, grammar.postfix
    children = _children(node)
    if postfix is not None:
        if below.postfix and node.type not in postfix.prefixes:
            (field,) = grammar.schema.constructors[below.postfix].fields
            return _Found(below.postfix, {field.name: _Below(field.type, node)})
        if node.type == postfix.kind and children[0].type in postfix.prefixes:
            return _read(grammar, _Below(below.type, children[0], postfix.constructors[children[1].type]))
    found = _read_node(grammar, below, children)
    if below.postfix:
        (field,) = grammar.schema.constructors[below.postfix].fields
        name, operand = list(found.fields.items())[-1]
        if isinstance(operand, _Below):
            found.fields[name] = _Below(operand.type, operand.node, below.postfix)
        else:
            found.fields[name] = _Found(below.postfix, {field.name: operand})
    return found


def _read_node(grammar: ConcreteGrammar, below: _Below, children: Sequence[tree_sitter.Node]) -> _Found:
    found = _matches(grammar, below.type, below.node, children)
    if len(found) > 1:  # casts of casts end in a lambda expression, or don't
        found = [each for each in found if _holds(grammar, below.node.type, each)]
    if not found:
        row, column = below.node.start_point
        what = f"{below.node.type} where a {below.type} is due (line {row + 1}, column {column + 1})"
        raise InputError(f"the grammar has no such {what}")
    return found[0]


def _matches(
    grammar: ConcreteGrammar, type_name: str, node: tree_sitter.Node, children: Sequence[tree_sitter.Node]
) -> list[_Found]:
    """All constructors of a type that a node can be, by its own children."""
    found = []
    for constructor in grammar.beginning(type_name, node.type):
        form = grammar.node(constructor)
        fields: dict[str, _Value | list[_Value]] = {}
        if form is not None and _match_node(grammar, form, node, children, fields):
            found.append(_Found(constructor, fields))
    return found


def _holds(grammar: ConcreteGrammar, kind: str, found: _Found) -> bool:
    """Whether the nodes of the same kind right below can be what the constructor takes."""
    for value in found.fields.values():
        if isinstance(value, _Below) and value.node.type == kind:
            below = _matches(grammar, value.type, value.node, _children(value.node))
            if not any(_holds(grammar, kind, each) for each in below):
                return False
    return True


def _children(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    return [child for child in node.children if not child.is_extra]


def _match_node(
    grammar: ConcreteGrammar,
    form: Node,
    node: tree_sitter.Node,
    children: Sequence[tree_sitter.Node],
    fields: dict[str, _Value | list[_Value]],
) -> bool:
    """Whether a node is as a form says; fills the fields."""
    if not children and len(form.elements) == 1 and isinstance(form.elements[0], Token):
        return _text(node) == form.elements[0].text  # a leaf with a name of its own, as null
    return _match(grammar, form.elements, children, 0, fields) == len(children)


def _match(
    grammar: ConcreteGrammar,
    elements: Sequence[Element],
    children: Sequence[tree_sitter.Node],
    at: int,
    fields: dict[str, _Value | list[_Value]],
) -> int:
    """Where the elements end that begin at a child; -1 where they don't fit. Options and lists take what they can."""
    for element in elements:
        if isinstance(element, Layout):
            continue
        if isinstance(element, Option):
            inside: dict[str, _Value | list[_Value]] = {element.field: "there"}
            end = _match(grammar, element.elements, children, at, inside)
            if end >= 0:
                fields.update(inside)
                at = end
            continue
        if isinstance(element, Slot):
            at = _match_slot(grammar, element, children, at, fields)
            if at < 0:
                return -1
            continue
        if at == len(children):
            return -1
        child = children[at]
        if isinstance(element, Token):
            if child.type != element.text:
                return -1
        elif child.type != element.kind or not _match_node(grammar, element, child, _children(child), fields):
            return -1
        at += 1
    return at


def _match_slot(
    grammar: ConcreteGrammar,
    slot: Slot,
    children: Sequence[tree_sitter.Node],
    at: int,
    fields: dict[str, _Value | list[_Value]],
) -> int:
    value, end = _match_one(grammar, slot.type, children, at)
    if not slot.many:
        if value is not None:
            fields[slot.field] = value
        return end
    values: list[_Value] = []
    while value is not None:
        values.append(value)
        at = end
        if slot.separator:
            if at == len(children) or children[at].type != slot.separator:
                break
            end += 1
        value, end = _match_one(grammar, slot.type, children, end)
    fields[slot.field] = values
    return at if values or not slot.needed else -1


def _match_one(
    grammar: ConcreteGrammar, type_name: str, children: Sequence[tree_sitter.Node], at: int
) -> tuple[_Value | None, int]:
    """What a slot takes from a child on, and where that ends; None and -1 for nothing."""
    if at == len(children):
        return None, -1
    child = children[at]
    token = grammar.token_types.get(type_name)
    if token is not None:
        text = _value(token, child) if child.type in token.kinds else None
        return (text, at + 1) if text is not None else (None, -1)
    for constructor in grammar.beginning(type_name, child.type):
        if grammar.node(constructor) is not None:
            return _Below(type_name, child), at + 1
        fields: dict[str, _Value | list[_Value]] = {}
        end = _match(grammar, grammar.forms[constructor], children, at, fields)
        if end >= 0:
            return _Found(constructor, fields), end
    return None, -1


def _value(token: TokenType, node: tree_sitter.Node) -> str | None:
    """The text of a node as a token's value; None if it is none of that type."""
    text = _text(node)
    if node.child_count and not token.quote:  # a name with dots may have comments and spaces between its parts
        text = "".join(_text(leaf) for leaf in _leaves(node))
    if token.quote:
        if not text.startswith(token.quote) or len(text) < 2 * len(token.quote):
            return None
        text = text[len(token.quote) : -len(token.quote)]
    return text if token.fits(text) else None


def _leaves(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if each.child_count:
            waiting.extend(reversed(_children(each)))
        else:
            yield each


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode("utf-8", errors="surrogatepass")
