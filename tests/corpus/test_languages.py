"""Every row of the table fits its grammar, and a new row is all that a language needs."""

from __future__ import annotations

import pytest

from codling.corpus.languages import LANGUAGES, Language, language_named, language_of_path
from codling.errors import CorpusError


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_node_type_of_a_row_is_one_of_its_grammar(language: Language) -> None:
    grammar = language.parser().language
    assert grammar is not None
    kinds = {grammar.node_kind_for_id(i) for i in range(grammar.node_kind_count)}
    named = {*language.comments, *language.bodies, *language.literals, *language.strings, *language.string_contents}
    named |= {*language.string_concatenations, language.statement, language.parentheses} - {""}
    assert named <= kinds
    assert language.query().capture_count > 0


def test_by_path() -> None:
    assert language_of_path("a/b.PY") is language_named("python")
    assert language_of_path("A.java") is language_named("java")
    assert language_of_path("a.txt") is None
    assert language_of_path("py") is None


def test_unknown_name() -> None:
    with pytest.raises(CorpusError, match="unknown language 'jav'; did you mean 'java'"):
        language_named("jav")
