"""Lexicons and networks that grow, and everyday requests."""

from __future__ import annotations

import ast
import importlib
import itertools
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codling.errors import TrainingError
from codling.trees.grammar.asdl import Production
from codling.trees.grammar.tree import actions_of
from codling.trees.writing.batches import Collator
from codling.trees.writing.config import writer_preset
from codling.trees.writing.everyday import everyday_pairs, everyday_table
from codling.trees.writing.growing import grow_lexicon, grow_weights
from codling.trees.writing.lexicon import Lexicon
from codling.trees.writing.network import WriterConfig, WriterNet
from codling.trees.writing.programs import tasks
from codling.trees.writing.steps import example_of
from codling.trees.writing.train import train_writer
from codling.trees.writing.words import words_of
from trees.small_pairs import small_pairs

FIRST = small_pairs()
READ = [(words_of(each.text), each.tree) for each in FIRST]
OLD = Lexicon.of(READ, num_pieces=400)
MORE = [task.pair for task in itertools.islice(tasks(3, 2), 60)]
MORE_READ = [(words_of(each.text), each.tree) for each in MORE]
NEW = grow_lexicon(OLD, MORE_READ, 2)


def test_a_grown_lexicon_keeps_its_numbers_and_has_what_occurs_often() -> None:
    assert NEW.productions[: len(OLD.productions)] == OLD.productions
    assert NEW.wholes[: len(OLD.wholes)] == OLD.wholes and NEW.words[: len(OLD.words)] == OLD.words
    assert NEW.fields == OLD.fields and NEW.vocab.size == OLD.vocab.size
    counts: dict[str, int] = {}
    for _, tree in MORE_READ:
        for action in {each.name if isinstance(each, Production) else "" for each in actions_of(tree)}:
            counts[action] = counts.get(action, 0) + 1
    added = {each.name for each in NEW.productions[len(OLD.productions) :]}
    known = {each.name for each in OLD.productions}
    assert added and added == {name for name, count in counts.items() if name and count >= 2 and name not in known}
    assert Lexicon.from_json(json.dumps(NEW.to_json())).productions == NEW.productions


def test_a_grown_network_gives_what_was_known_its_logits() -> None:
    torch.manual_seed(1)
    config = WriterConfig(embedding=16, encoder=16, hidden=32, field=8)
    old, new = WriterNet(OLD, config), WriterNet(NEW, config)
    new.load_state_dict(grow_weights(old.state_dict(), OLD, NEW))
    old.eval(), new.eval()
    for words, tree in READ[:8]:
        known = [word for word in words if NEW.word(word.value) == OLD.word(word.value)]
        batches = [Collator(lexicon)([example_of(known, tree, lexicon)]) for lexicon in (OLD, NEW)]
        if not all(NEW.whole(text) == OLD.whole(text) for text in actions_of(tree) if isinstance(text, str)):
            continue
        (states, *_), (grown, *_) = (net._states(batch) for net, batch in zip((old, new), batches, strict=True))
        torch.testing.assert_close(grown, states)
        torch.testing.assert_close(new.rules(grown)[..., : 1 + len(OLD.productions)], old.rules(states))
        torch.testing.assert_close(new.wholes(grown)[..., : len(OLD.wholes)], old.wholes(states))
        torch.testing.assert_close(new.spell(grown), old.spell(states))


def test_training_goes_on_with_other_pairs(tmp_path: Path) -> None:
    run = writer_preset("write-tiny")
    run = type(run)(name="first", model=run.model, epochs=1, batch_steps=256, num_pieces=400)
    train_writer(FIRST, {"dev": FIRST[:10]}, run, tmp_path / "first")
    more = type(run)(name="more", model=run.model, epochs=2, batch_steps=256, num_pieces=400, grow=2)
    trained = train_writer(MORE, {"dev": MORE[:10]}, more, tmp_path / "more", init=tmp_path / "first")
    assert trained.lexicon.wholes == NEW.wholes
    assert trained.epochs[-1].nats < trained.epochs[0].nats


def test_pairs_that_a_lexicon_cannot_write_are_left_out(tmp_path: Path) -> None:
    run = writer_preset("write-tiny")
    run = type(run)(name="first", model=run.model, epochs=1, batch_steps=256, num_pieces=400)
    train_writer(MORE[:40], {"dev": MORE[:10]}, run, tmp_path / "first")
    strange = [pair for pair in FIRST if "class" in pair.code] or FIRST
    with pytest.raises(TrainingError, match="no pair is left"):
        train_writer(strange[:3], {"dev": MORE[:3]}, run, tmp_path / "more", init=tmp_path / "first")


def test_everyday_requests_are_the_same_for_a_seed_and_differ() -> None:
    first, again, other = (list(everyday_pairs(400, seed)) for seed in (1, 1, 2))
    assert [(pair.text, pair.code) for pair in first] == [(pair.text, pair.code) for pair in again]
    assert len({pair.text for pair in first}) == 400
    assert len({pair.text for pair in first} & {pair.text for pair in other}) < 80


def test_everyday_requests_are_whole() -> None:
    multiple = 0
    for pair in everyday_pairs(2_000, 5):
        tree = ast.parse(pair.code)
        multiple += len(tree.body) > 1
        assert not any(each in pair.text for each in "{}[]"), pair.text
        assert "  " not in pair.text and pair.text == pair.text.strip(), pair.text
        for name in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
            assert name != "None"
    assert multiple > 300


def test_what_a_request_names_is_in_its_program() -> None:
    for pair in everyday_pairs(1_000, 6):
        for name in set(pair.text.split("`")[1::2]):
            assert name in pair.code, (pair.text, pair.code)


_SAMPLES: dict[str, tuple[Any, ...]] = {
    "number_list": ([3, 1, 2],),
    "list": ([["b", 2], ["a", 1]], ["a", 2]),
    "strings": (["10", "2"],),
    "text": ("2024-01-31", "12"),
    "dict": ({"a": 3, "b": 1},),
    "number": (2,),
    "any": ("a",),
}
_MODULES = {
    **{name: importlib.import_module(name) for name in ("re", "math", "random", "json", "hashlib", "base64", "os")},
    "Counter": Counter,
    "datetime": datetime,
    "np": np,
}


def test_values_can_be_computed() -> None:
    """Of those that need no library but NumPy, no file and no page."""
    tried = 0
    for operation in everyday_table().operations:
        if not operation.is_value or not operation.takes or not all(kind in _SAMPLES for kind in operation.takes):
            continue
        tried += 1
        names = [f"v{i}" for i in range(len(operation.takes))]
        errors = []
        for values in itertools.product(*(_SAMPLES[kind] for kind in operation.takes)):
            try:
                eval(operation.code.format(*names), {**_MODULES, **dict(zip(names, values, strict=True))})
                break
            except (TypeError, ValueError) as error:
                errors.append(error)
        else:
            pytest.fail(f"{operation.code}: {errors}")
    assert tried > 80


@pytest.mark.parametrize(
    ("way", "given", "right"),
    [
        ("the largest value of {0}", {"a": 2, "b": 3}, 3),
        ("{0} without duplicates in the same order", [1, 2, 1], [1, 2]),
        ("the sum of the squares of {0}", [1, 2], 5),
        ("the words of {0}", "a b", ["a", "b"]),
        ("the key with the largest value in {0}", {"a": 2, "b": 3}, "b"),
        ("whether {0} is a palindrome", "abba", True),
        ("all email addresses in {0}", "to a@b.org now", ["a@b.org"]),
        ("{0} with whitespace collapsed", "a  b\n c", "a b c"),
        ("the longest word of {0}", ["a", "abc"], "abc"),
        ("{0} flattened", [[1], [2, 3]], [1, 2, 3]),
        ("whether {0} is a prime number", 91, False),
    ],
)
def test_they_do_what_they_say(way: str, given: object, right: object) -> None:
    codes = {each.code for each in everyday_table().operations if way in each.ways and "array" not in each.takes}
    assert len(codes) == 1
    assert eval(codes.pop().format("x_"), {**_MODULES, "x_": given}) == right
