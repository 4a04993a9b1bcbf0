"""What a continuation was worth, token by token."""

from __future__ import annotations

import pytest

from codling import Completer
from codling.complete.context import MAX_PREFIX
from codling.complete.continuing import token_scores
from codling.vocab import BpeVocab
from ngram_model import NgramModel

SOURCE = "def feed(tank):\n    for fish in tank:\n        fish.eat()\n"


@pytest.fixture(scope="module", params=["characters", "sub-words"])
def completer(request: pytest.FixtureRequest) -> Completer:
    if request.param == "characters":
        return Completer(NgramModel(SOURCE * 3, order=12))
    return Completer(NgramModel(SOURCE * 3, order=6, vocab=BpeVocab.train([SOURCE] * 8, 300)))


def said(completer: Completer, prompt: str, text: str) -> str:
    return "".join(score.text for score in token_scores(completer, prompt, text, 1))


@pytest.mark.parametrize("prompt", ["def feed(tank):\n", "def feed(tank):\n    for fi", "x", ""])
def test_tokens_spell_the_text_and_say_where_they_stand(completer: Completer, prompt: str) -> None:
    text = "\n    for fish in tank"
    scores = token_scores(completer, prompt, text, 1)
    whole = prompt + text
    assert "".join(score.text for score in scores).endswith(text)
    for score in scores:  # the first may begin within the prompt
        start = len(prompt) + score.offset
        assert whole[start : start + len(score.text)] == score.text


@pytest.mark.parametrize("room", [0, 1, 5, 30])
def test_where_the_window_moves_nothing_is_lost(completer: Completer, room: int) -> None:
    """A prompt that is just short of being cut is not cut for the sake of its continuation."""
    prompt = ("x = 1\n" * MAX_PREFIX)[: 2 * MAX_PREFIX - room]
    assert said(completer, prompt, " = tank\n    fish").endswith(" = tank\n    fish")


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("if tank:\n\tfeed()\n", "\tfor fish in tank:\n\t\teat()"),
        ("if tank:\n  feed()\n", "  for fish in tank:\n    eat()"),
        ("if tank:\r\n    feed()\r\n", "    for fish in tank:\r\n        eat()"),
    ],
)
def test_indentation_and_line_ends_are_read_as_the_prompts(completer: Completer, prompt: str, text: str) -> None:
    assert said(completer, prompt, text).endswith("    for fish in tank:\n        eat()")
