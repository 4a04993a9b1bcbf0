"""What an open file and its project add, when several ask at once, and for long."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from codling.complete import mixing
from codling.complete.mixing import Mixing
from codling.engine.project import ProjectCache
from ngram_model import NgramModel

ONE = "tank.feed(cod)\n" * 3
OTHER = "tank.feed(eel)\n" * 3
LINE = "tank.feed("


@pytest.fixture
def mixed() -> Mixing:
    model = NgramModel("tank.clean(glass)\n" * 3, order=6)
    return Mixing(model, None, ProjectCache(None, model.vocab))  # type: ignore[arg-type]


def likeliest(mixed: Mixing, expect: object, line: str = LINE) -> str:
    """The character that is expected behind a line."""
    vocab = mixed._model.vocab
    recent: Sequence[int] = vocab.encode(line)[-8:]
    flat = np.full((1, vocab.size), -np.log(vocab.size), np.float32)
    return vocab.decode([int(expect(flat, [tuple(recent)])[0].argmax())])  # type: ignore[operator]


def test_each_request_hears_of_its_own_text(mixed: Mixing) -> None:
    one = mixed.expectation(None, ONE + LINE, "")
    other = mixed.expectation(None, OTHER + LINE, "")  # of the same file, for neither says which it is
    assert (likeliest(mixed, one), likeliest(mixed, other)) == ("c", "e")
    assert likeliest(mixed, mixed.expectation(None, ONE + LINE, "")) == "c"


def test_answers_for_a_line_without_end_are_not_all_kept(mixed: Mixing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixing, "MAX_ROWS", 50)
    for number in range(200):
        assert likeliest(mixed, mixed.expectation(None, ONE + LINE, ""), f"{number} {LINE}") == "c"
    (view,) = mixed._views.values()
    assert view._moment is not None
    assert len(view._moment._rows) <= 50
