"""Trees of a concrete grammar into text, laid out as its elements say."""

from __future__ import annotations

from collections.abc import Iterator

from codling.errors import InputError
from codling.trees.grammar.concrete import ConcreteGrammar, Element, Layout, Node, Option, Slot, Token
from codling.trees.grammar.tree import Tree, Value

__all__ = ["print_tree", "tokens_of_tree"]

_INDENT = "    "
_TIGHT_BEFORE = frozenset({",", ";", ")", "]", "[", ".", "::", "..."})
_TIGHT_AFTER = frozenset({"(", "[", ".", "::", "@"})


def print_tree(grammar: ConcreteGrammar, tree: Tree) -> str:
    """The text of a tree, a line for each statement.

    Raises:
        InputError: a text is none of its type.
    """
    page = _Page()
    for item in _items(grammar, tree):
        if isinstance(item, Layout):
            page.lay_out(item.mark)
        else:
            page.add(item)
    return page.text()


def tokens_of_tree(grammar: ConcreteGrammar, tree: Tree) -> list[str]:
    """The tokens of a tree's text."""
    return [item for item in _items(grammar, tree) if isinstance(item, str)]


def _items(grammar: ConcreteGrammar, tree: Tree) -> Iterator[str | Layout]:
    """Tokens and layout, in order; without recursion."""
    waiting: list[tuple[Element, Tree | None] | tuple[Value, str]] = []
    _put(waiting, grammar.forms[tree.production.constructor.name], tree)
    while waiting:
        first, second = waiting.pop()
        if isinstance(first, Tree):
            _put(waiting, grammar.forms[first.production.constructor.name], first)
        elif isinstance(first, str):
            assert isinstance(second, str)
            yield _spelt(grammar, first, second)
        elif isinstance(first, Token):
            yield first.text
        elif isinstance(first, Layout):
            yield first
        else:
            assert isinstance(second, Tree)
            if isinstance(first, Node):
                _put(waiting, first.elements, second)
            elif isinstance(first, Option):
                if first.field in second.production.present:
                    _put(waiting, first.elements, second)
            else:
                _put_values(waiting, first, second)


_Waiting = list[tuple[Element, Tree | None] | tuple[Value, str]]


def _put(waiting: _Waiting, elements: tuple[Element, ...], tree: Tree) -> None:
    waiting.extend((element, tree) for element in reversed(elements))


def _put_values(waiting: _Waiting, slot: Slot, tree: Tree) -> None:
    held = tree.child(slot.field)
    if held is None:
        return
    values = held if isinstance(held, tuple) else (held,)
    for i, value in enumerate(reversed(values)):
        if i and slot.lines:
            waiting.append((Layout("/"), None))
        if i and slot.separator:
            waiting.append((Token(slot.separator), None))
        waiting.append((value, slot.type))


def _spelt(grammar: ConcreteGrammar, text: str, type_name: str) -> str:
    token = grammar.token_types[type_name]
    if not token.fits(text):
        raise InputError(f"{text!r} is no {type_name.replace('_', ' ')} that a program can write")
    return f"{token.quote}{text}{token.quote}"


class _Page:
    """Tokens as lines."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._last = ""
        self._depth = 0
        self._lines = 0
        "Line ends that are due before the next token."
        self._tight = False

    def lay_out(self, mark: str) -> None:
        if mark == "~":
            self._tight = True
            return
        opened = self._last == "{" and self._lines == 1
        if mark in "<>":
            self._depth += 1 if mark == ">" else -1
        self._lines = max(self._lines, 2 if mark == "//" and not opened else 1)

    def add(self, token: str) -> None:
        if self._lines and self._parts:
            if token == "}" and self._last == "{":
                pass  # a body without statements: {}
            else:
                self._new_line(1 if token == "}" else self._lines)
        elif self._parts and not self._joins(token):
            self._parts.append(" ")
        self._parts.append(token)
        self._last, self._lines, self._tight = token, 0, False

    def text(self) -> str:
        return "".join([*self._parts, "\n"]) if self._parts else ""

    def _new_line(self, count: int) -> None:
        self._parts.append("\n" * count + _INDENT * self._depth)

    def _joins(self, token: str) -> bool:
        """Whether a token stands right behind the last one."""
        last = self._last
        if last[-1] == token[0] and token[0] in "+-":
            return False  # - -x, a+ +b
        if token == "." and last.lstrip(".")[:1].isdigit():
            return False  # 1 .x, lest the point be the number's
        return self._tight or token in _TIGHT_BEFORE or last in _TIGHT_AFTER
