"""Programs written at run time: scored as the network does, parsing always, with attention; damaged bundles refused."""

from __future__ import annotations

import ast
import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.bundle import load_bundle, write_bundle
from codling.errors import BundleError, InputError
from codling.trees.grammar import Tree, tree_of, write_source
from codling.trees.writing.batches import Collator
from codling.trees.writing.measures import exact
from codling.trees.writing.steps import example_of
from codling.trees.writing.train import Trained
from codling.trees.writing.words import words_of
from codling.write import Writer
from codling.write.beam import grow
from tiny_writer import NUM_HELD_OUT, tiny_writer
from trees.small_pairs import small_pairs

DESCRIPTIONS = [
    "set zebra to 5.",
    "call rows with unheard_of as argument.",
    "if total is not 'a, b',",
    'raise Kettle with "no 🐟"',
    "define the function walk with an argument x.",
]


@pytest.fixture(scope="module")
def trained() -> Trained:
    return tiny_writer()[0]


@pytest.fixture(scope="module")
def path() -> Path:
    return tiny_writer()[1].path


@pytest.fixture(scope="module")
def writer(path: Path) -> Writer:
    return Writer(path)


def test_a_trained_writer_writes_what_it_learned(writer: Writer) -> None:
    pairs = small_pairs()[:NUM_HELD_OUT]
    right = [exact(writer.write(each.text).candidates[0].code, each.code) for each in pairs]
    assert sum(right) >= 0.8 * len(pairs)


@torch.no_grad()
@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_scores_are_the_networks(writer: Writer, trained: Trained, description: str) -> None:
    """ONNX Runtime step by step, with ways to a text summed, against PyTorch on the whole sequence."""
    words = words_of(description)
    collate = Collator(trained.lexicon)
    grown = grow(writer.model, writer.model.describe(words), beam=4)
    trees = [tree_of(trained.lexicon.schema, each.actions) for each in grown]
    assert any(_unspelt(tree, description, trained) for tree in trees)
    for each, tree in zip(grown, trees, strict=True):
        if not _unspelt(tree, description, trained):
            continue
        losses = trained.net.loss(collate([example_of(words, tree, trained.lexicon)]))
        assert each.score == pytest.approx(-float(losses.nats), abs=0.02)  # products are in int8


def _unspelt(tree: Tree, description: str, trained: Trained) -> bool:
    """Whether training writes the tree in the only way that there is: no text of it is spelt."""
    example = example_of(words_of(description), tree, trained.lexicon)
    return not any(step.spelling for step in example.steps)


@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_a_wider_beam_finds_nothing_worse(writer: Writer, description: str) -> None:
    narrow, wide = (writer.write(description, beam=beam, limit=1).candidates[0].score for beam in (1, 20))
    assert wide >= narrow - 2e-3  # programs of a beam share their int8 scales


@settings(max_examples=25, deadline=None)
@given(description=st.text(min_size=1, max_size=80))
def test_everything_written_parses(writer: Writer, description: str) -> None:
    if not words_of(description):
        return
    written = writer.write(description, limit=5)
    scores = [each.score for each in written.candidates]
    assert scores == sorted(scores, reverse=True)
    assert len({each.code for each in written.candidates}) == len(scores)
    assert written.candidates
    for each in written.candidates:
        assert ast.parse(each.code).body
        assert 0 <= each.probability <= 1
        assert 0 <= each.score <= 1


@pytest.mark.parametrize("max_steps", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_a_search_that_must_stop_answers_with_a_whole_program(writer: Writer, description: str, max_steps: int) -> None:
    described = writer.model.describe(words_of(description))
    grown = grow(writer.model, described, beam=3, max_steps=max_steps)
    assert grown
    for each in grown:
        assert ast.parse(each.code).body
        assert each.seen_AN.shape == (len(each.actions), len(described.values))
    assert len(grown[0].actions) >= max_steps - 1


def test_what_cannot_be_written_down_is_no_answer(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The likeliest program is refused, as Python before 3.12 refuses a backslash in an f-string's braces."""
    refused = writer.write("set zebra to rows.").candidates[0].code

    def strict(tree: Tree) -> str:
        code = write_source(tree)
        if code == refused:
            raise InputError("refused")
        return code

    monkeypatch.setattr("codling.write.beam.write_source", strict)
    codes = [each.code for each in writer.write("set zebra to rows.").candidates]
    assert codes
    assert refused not in codes


def test_what_cannot_be_meant_is_an_answer_only_where_there_is_no_other(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [each.code for each in writer.write("set zebra to rows.").candidates]
    monkeypatch.setattr("codling.write.beam.is_senseless", lambda code: code == before[0])
    after = [each.code for each in writer.write("set zebra to rows.").candidates]
    assert after and before[0] not in after
    monkeypatch.setattr("codling.write.beam.is_senseless", lambda code: True)
    assert [each.code for each in writer.write("set zebra to rows.").candidates] == before[:1]


def test_a_search_leaves_loops(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every step is one, what there is is brought to its end."""
    monkeypatch.setattr("codling.write.beam.loops", lambda recent: len(recent) > 4)
    for description in DESCRIPTIONS:
        for each in writer.write(description).candidates:
            assert ast.parse(each.code).body


def test_attention_is_a_distribution_for_each_action(writer: Writer) -> None:
    written = writer.write("set zebra to rows.")
    best = written.candidates[0]
    assert best.code == "zebra = rows"
    actions = [seen.action for seen in best.seen()]
    assert actions == ["Module+body", "Assign", "Name", "'zebra'", "close", "Name", "'rows'", "close"]
    assert written.words == ("set", "zebra", "to", "rows", ".")
    np.testing.assert_allclose(best.grown.seen_AN.sum(1), 1, atol=1e-4)


def test_threads_may_share_a_writer(writer: Writer) -> None:
    from concurrent.futures import ThreadPoolExecutor

    alone = [writer.write(each).candidates[0].code for each in DESCRIPTIONS]
    with ThreadPoolExecutor(4) as pool:
        together = [each.candidates[0].code for each in pool.map(writer.write, DESCRIPTIONS * 3)]
    assert together == alone * 3


@pytest.mark.parametrize(
    ("description", "limit", "beam", "says"),
    [(" \n", 1, 5, "no words"), ("x" * 30_000, 1, 5, "at most"), ("x", 0, 5, "limit"), ("x", 1, 500, "beam")],
)
def test_requests_out_of_range(writer: Writer, description: str, limit: int, beam: int, says: str) -> None:
    with pytest.raises(InputError, match=says):
        writer.write(description, limit=limit, beam=beam)


def test_a_long_description_is_answered(writer: Writer) -> None:
    assert math.isfinite(writer.write("set rows to path " * 1_000).ms)


def test_damaged_bundles_are_refused(path: Path, tmp_path: Path) -> None:
    whole = load_bundle(path)
    files = {name: whole.file(name).read_bytes() for name in whole.card.files}
    for name, content, says in (
        ("lexicon.json", b"{}", "lexicon"),
        ("lexicon.json", b"\xff", "lexicon"),
        ("step.onnx", b"no graph", "ONNX Runtime refuses"),
        ("step.onnx", files["embed.onnx"], "not a writer's"),
    ):
        made = write_bundle(tmp_path / "damaged", whole.card, files | {name: content})
        with pytest.raises(BundleError, match=says):
            Writer(made)
    shutil.copytree(path, tmp_path / "cut")
    (tmp_path / "cut" / "texts.onnx").unlink()
    with pytest.raises(BundleError, match=r"texts\.onnx is missing"):
        Writer(tmp_path / "cut")
    made = write_bundle(tmp_path / "other", dataclasses.replace(whole.card, kind="lm"), files)
    with pytest.raises(BundleError, match="not a writer"):
        Writer(made)


def test_the_card_says_how_it_was_trained(path: Path, trained: Trained) -> None:
    card = json.loads((path / "card.json").read_text())
    assert card["kind"] == "write"
    assert card["training"]["epoch"] == trained.best
    assert len(card["curve"]) == len(trained.epochs)
