"""Settings, and what is remembered of suggestions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from codling.serve.lsp.ghosts import MAX_OFFERS, Ghosts
from codling.serve.lsp.settings import Settings, read_settings
from codling.serve.messages import SuggestionMessage

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=10,
)
keys = st.sampled_from(["enabled", "languages", "exclude", "inComments", "kind", "tokens", "threshold", "model", "wat"])


@hypothesis_settings(deadline=None)
@given(json_values | st.dictionaries(keys, json_values))
def test_whatever_is_sent_there_are_settings(given: Any) -> None:
    settings, wrong = read_settings(given)
    assert isinstance(settings, Settings)
    assert all("\n" not in line for line in wrong)
    settings.allows_path("a/b.py")


def test_a_wrong_setting_leaves_the_others() -> None:
    settings, wrong = read_settings({"tokens": -1, "kind": "block", "inComment": True})
    assert (settings.kind, settings.tokens) == ("block", 8)
    assert len(wrong) == 2
    assert "did you mean 'inComments'?" in wrong[1]


@pytest.mark.parametrize(
    ("path", "allowed"), [("a.py", True), (".env", False), ("b/.env.local", False), ("docs/a.md", False)]
)
def test_files_are_excluded_by_gitignores_patterns(path: str, allowed: bool) -> None:
    settings, _ = read_settings({"exclude": ["docs/", ".env*"]})
    assert settings.allows_path(path) == allowed


def test_languages_are_on_where_a_model_knows_them_or_somebody_says_so() -> None:
    settings, _ = read_settings({"languages": {"java": False, "cobol": True}})
    rows = [("java", True), ("cobol", False), ("c", True), ("d", False)]
    assert [settings.allows_language(*row) for row in rows] == [False, True, True, False]
    settings, _ = read_settings({"languages": {"*": False, "java": True}})
    assert not settings.allows_language("python", True)
    assert settings.allows_language("java", False)


def answered(ghosts: Ghosts, before: str, *texts: str, after: str = "", complete: bool = False) -> list[int]:
    rows = [SuggestionMessage(text, 0.5) for text in texts]
    offers = ghosts.offer("uri", before, after, rows, "python", complete=complete)
    ghosts.given(offers)
    return [offer.id for offer in offers]


@hypothesis_settings(deadline=None)
@given(st.text("abc", max_size=4), st.text("abc", min_size=1, max_size=6), st.text("abc", max_size=6))
def test_typing_along_shows_the_rest_and_anything_else_nothing(before: str, text: str, typed: str) -> None:
    ghosts = Ghosts()
    (number,) = answered(ghosts, before, text)
    rest = ghosts.continuing("uri", before + typed, "", complete=False)
    if text.startswith(typed) and text != typed:
        assert [(offer.id, typed + offer.text) for offer in rest] == [(number, text)]
    else:
        assert rest == ()
    assert ghosts.continuing("uri", before + typed, "behind", complete=False) == ()
    assert ghosts.continuing("other", before + typed, "", complete=False) == ()


def test_a_suggestion_keeps_its_id_when_alternatives_join_it() -> None:
    ghosts = Ghosts()
    (first,) = answered(ghosts, "x", "abc")
    assert ghosts.continuing("uri", "x", "", complete=True) == ()
    ids = answered(ghosts, "x", "abc", "ad", complete=True)
    assert ids[0] == first != ids[1]
    assert [offer.text for offer in ghosts.continuing("uri", "xa", "", complete=True)] == ["bc", "d"]


def test_old_offers_are_forgotten() -> None:
    ghosts = Ghosts()
    (first,) = answered(ghosts, "", "a")
    for number in range(MAX_OFFERS):
        (last,) = answered(ghosts, f"{number}", "a")
    assert ghosts.known(first) is None
    assert ghosts.known(last) is not None
