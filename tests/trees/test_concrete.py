"""The notation of concrete grammars: what it means, and that mistakes in it are told."""

from __future__ import annotations

import pytest

from codling.errors import ConfigError
from codling.trees.grammar.concrete import ConcreteGrammar, Node, Option, TokenType
from codling.trees.grammar.printing import print_tree
from codling.trees.grammar.tree import CLOSE, tree_of

NAME = TokenType("name", ("identifier",), r"\w+", shortest="x", keywords=frozenset({"if"}))
SMALL = """
module = Module: program{items:item*/}
item = Set: set{target:name '=' value:value ';'}        # a comment
    | Call: call{callee:name ~ '(' arguments:value*',' ')' [~ final:'!'] [block{'{' > body:item+/ < '}'}]}
value = Read: at:name | Set
"""


def test_a_grammar_is_a_schema_and_forms() -> None:
    grammar = ConcreteGrammar(SMALL, (NAME,))
    fields = {name: [(f.name, f.type, f.quantity) for f in c.fields] for name, c in grammar.schema.constructors.items()}
    assert fields == {
        "Module": [("items", "item", "*")],
        "Set": [("target", "name", ""), ("value", "value", "")],
        "Call": [("callee", "name", ""), ("arguments", "value", "*"), ("final", "flag", "?"), ("body", "item", "*")],
        "Read": [("at", "name", "")],
    }
    assert grammar.beginning("item", "call") == ("Call",)
    assert grammar.beginning("value", "identifier") == ("Read",)
    assert grammar.beginning("value", "block") == ()
    form = grammar.node("Call")
    assert isinstance(form, Node) and form.kind == "call"
    assert sum(isinstance(each, Option) for each in form.elements) == 2
    assert grammar.node("Read") is None


def test_trees_are_laid_out_as_the_elements_say() -> None:
    grammar = ConcreteGrammar(SMALL, (NAME,))
    named = grammar.schema.named
    read = named("Read")
    call, plain = named("Call+arguments+final+body"), named("Call")
    actions = [named("Module+items"), call, "f", read, "x", read, "y", CLOSE, named("Set"), "a", read, "b", plain, "g"]
    tree = tree_of(grammar.schema, [*actions, CLOSE, named("Set"), "c", read, "d", CLOSE])
    assert print_tree(grammar, tree) == "f(x, y)! {\n    a = b;\n    g()\n}\nc = d;\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("module = A: program{x:name", "not closed"),
        ("module = A: program{x}", "no element"),
        ("module = A: x:name }", "no element"),
        ("module = A: 'a' | A: 'b'", "two constructors 'A'"),
        ("module = A: 'a' | B", "'B', which is not defined"),
        ("module = A: x:word", "unknown type 'word'"),
        ("module = A: ['a']", "brackets need one field"),
        ("module = A: ['a' x:name ',' y:name]", "brackets need one field"),
        ("module = A: [x:module*]", "brackets need one field"),
        ("module = A: x:name*", "list of tokens"),
    ],
)
def test_mistakes_in_a_grammar_are_told(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ConcreteGrammar(text, (NAME,))
