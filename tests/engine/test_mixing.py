"""A whole file at once gives what somebody at the desk would see, token by token."""

from __future__ import annotations

import inspect
import textwrap

import numpy as np
import pytest

from codling.engine import load_model
from codling.engine.gate import default_gate, mix
from codling.engine.mixing import mixed_scores, replay
from codling.engine.model import Model
from codling.engine.ngram_cache import FILE, blend
from codling.engine.ngrams import context_after, join_matches
from codling.engine.open_file import OpenFile
from codling.engine.project_index import ProjectIndex
from codling.vocab import DOC
from tiny_bundle import tiny_bundle

TEXT = inspect.getsource(textwrap.dedent)[:400]
OTHERS = {"pkg/a.py": inspect.getsource(textwrap.indent), "b.py": inspect.getsource(textwrap.fill)}
PATH = "pkg/own.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(tiny_bundle(tmp_path_factory.mktemp("bundles")))


def tokens_of(model: Model, text: str) -> np.ndarray:
    return np.array(model.vocab.encode(text), np.uint16)


def project_of(model: Model) -> ProjectIndex:
    files = {path: tokens_of(model, text) for path, text in OTHERS.items()}
    return ProjectIndex(files | {PATH: tokens_of(model, TEXT)})  # the file itself, as saved, must not help


@pytest.mark.parametrize("use", ["file", "project", "both"])
def test_as_at_the_desk(model: Model, use: str) -> None:
    """The oracle goes through the file one token at a time, with a file that has only what stands before."""
    tokens, project, gate = tokens_of(model, TEXT), project_of(model), default_gate()
    scores = mixed_scores(
        model,
        tokens,
        gate=gate,
        in_file=use != "project",
        project=project if use != "file" else None,
        path=PATH,
        window=50,
    )
    state, before = model.initial_state(1), [DOC]
    for place, token in enumerate(tokens.tolist()):
        log_probs_BTV, state = model.run([[before[-1]]], state)
        context = context_after(before)[None]
        parts = [project.find(context, PATH)] if use != "file" else []
        if use != "project":
            file = OpenFile()
            file.update(np.array(before, np.uint16))
            own = file.find(context)
            parts.append((own, np.full(len(own.rows_R), FILE)))
        levels = np.concatenate([levels for _, levels in parts])
        candidates = blend(join_matches([matches for matches, _ in parts]), levels, 1, model.vocab.size)
        mixed = mix(log_probs_BTV[0], candidates, gate)[0]
        assert np.isclose(mixed[token], scores.log_probs_T[place], atol=2e-4), place
        assert scores.best_T[place] == mixed.argmax()
        assert scores.ranks_T[place] == (mixed > mixed[token]).sum()
        before.append(token)


def test_without_a_gate_it_is_the_network(model: Model) -> None:
    tokens = tokens_of(model, TEXT)
    scores = mixed_scores(model, tokens, window=64)
    log_probs_BTV, _ = model.run([[DOC, *tokens[:-1].tolist()]], model.initial_state(1))
    assert np.allclose(scores.log_probs_T, log_probs_BTV[0, np.arange(len(tokens)), tokens], atol=1e-5)
    assert (scores.ranks_T[scores.best_T == tokens] == 0).all()


def test_the_window_changes_nothing(model: Model) -> None:
    tokens, project = tokens_of(model, TEXT), project_of(model)
    one, other = (
        mixed_scores(model, tokens, gate=default_gate(), project=project, path=PATH, window=window)
        for window in (7, 1_000)
    )
    assert np.allclose(one.log_probs_T, other.log_probs_T, atol=1e-4)


def test_what_is_repeated_is_foreseen(model: Model) -> None:
    """An untrained network learns nothing, so whatever gets better the cache has brought."""
    tokens = tokens_of(model, TEXT * 2)
    static, dynamic = (mixed_scores(model, tokens, gate=gate) for gate in (None, default_gate()))
    half = len(tokens) // 2 + 20
    assert (dynamic.ranks_T[half:] == 0).mean() > 0.9 > 0.3 > (static.ranks_T[half:] == 0).mean()


def test_no_tokens_no_scores(model: Model) -> None:
    assert len(mixed_scores(model, np.zeros(0, np.uint16), gate=default_gate()).ranks_T) == 0
    with pytest.raises(ValueError, match="neither"):
        next(replay(tokens_of(model, "ab"), model.vocab.size, in_file=False))
