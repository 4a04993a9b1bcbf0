"""Static is the network alone; the caches know the file so far, and the other files."""

from __future__ import annotations

import inspect
import shlex
import textwrap

import numpy as np
import pytest

from codling.engine.evaluation import predict_texts
from codling.engine.gate import default_gate
from codling.engine.model import Model, load_model
from codling.evaluate.modes import hits_of, index_projects, predict
from codling.evaluate.ranks import LIST, draw_ranks, measure_ranks, summarise_ranks
from codling.evaluate.sources import SourceFile, draw_files, parsed_by_language

TEXT = inspect.getsource(shlex)


@pytest.fixture(scope="module")
def model(tiny) -> Model:
    return load_model(tiny)


def file(name: str, text: str = TEXT, language: str = "python", project: str = "p") -> SourceFile:
    return SourceFile(name=name, text=text, language=language, project=project, path=f"src/{name}")


def test_static_is_the_network(model: Model) -> None:
    files = [file("a.py"), file("b.py", TEXT[:700])]
    ours, theirs = predict(model, files, "static"), predict_texts(model, [each.text for each in files])
    for one, other in zip(ours, theirs, strict=True):
        assert (one.likeliest == other.likeliest).all()
        assert one.log_probs == pytest.approx(other.log_probs)


def test_caches_know_more(model: Model) -> None:
    files = [file("a.py"), file("b.py", TEXT.replace("token", "word")), file("c.py", project="q")]
    sample = draw_files(files)
    accuracy = {}
    for mode in ("static", "dynamic", "maintenance"):
        told: list[int] = []
        projects = index_projects(model, files, ["p", "q"])
        found = predict(model, sample.files, mode, gate=default_gate(), projects=projects, progress=told.append)
        assert sum(told) == sum(len(each.text) for each in files)
        for row, each in zip(found, files, strict=True):
            assert len(row.tokens) + 1 == len(row.likeliest)
            assert row.log_probs.shape == row.tokens.shape
            assert model.vocab.decode(row.tokens.tolist()) == each.text
        hits = hits_of(model, sample, found)
        accuracy[mode] = {name: hits[name].right.mean() for name in hits}
    # the network's weights are random, so all knowledge is the caches'
    assert accuracy["static"]["a.py"] < 0.05 < accuracy["dynamic"]["a.py"]
    assert accuracy["maintenance"]["a.py"] > accuracy["dynamic"]["a.py"] + 0.2  # b.py is nearly the same
    # a file alone in its project learns nothing from itself
    assert accuracy["maintenance"]["c.py"] == pytest.approx(accuracy["dynamic"]["c.py"])


def test_files_are_drawn_whole() -> None:
    files = [file(f"{i}.py", f"x{i} = {i}\n" * (i + 1)) for i in range(20)]
    sample = draw_files(files, 60, seed=1)
    num = sum(len(rows) for rows in sample.lexemes.values())
    assert 60 <= num < 60 + 4 * 20
    assert [each.name for each in sample.files] == [each.name for each in files if each in sample.files]
    assert sample == draw_files(files, 60, seed=1)
    assert sample != draw_files(files, 60, seed=2)
    assert draw_files(files).files == tuple(files)


def test_what_has_no_tokens() -> None:
    files = [file("a.py"), file("b.py", "def f(:\n"), file("c", "words", ""), file("A.java", "class A {}", "java")]
    sample = draw_files(files)
    assert sample.unparsed == ("b.py",)
    assert sample.lexemes["b.py"] == sample.lexemes["c"] == []
    texts, unparsed = parsed_by_language(files)
    assert (list(texts), list(texts["python"]), unparsed) == (["java", "python"], ["a.py"], ["b.py", "c"])


def test_ranks() -> None:
    sample = draw_files([file("a.py", inspect.getsource(textwrap)), file("b.py")])
    cases = draw_ranks(sample, 200, seed=1)
    assert len(cases) == 200
    for case in cases:
        text = next(each.text for each in sample.files if each.name == case.path)
        assert text[len(case.prefix) :].startswith(case.truth)
        assert case.kind != "newline"
    assert {case.truth for case in cases if case.kind == "string"} <= {"'", '"', "''", '""', "r", "f", "'''", '"""'}
    ranks = measure_ranks(cases, lambda case: ["?", f" {case.truth}"] if case.kind == "identifier" else [case.truth])
    summary = summarise_ranks(cases, ranks)
    assert summary["mrr_identifiers"]["value"] == 0.5
    assert summary["first_identifiers"]["value"] == 0
    share = np.mean([case.kind == "identifier" for case in cases])
    assert summary["mrr"]["value"] == pytest.approx(1 - share / 2)
    below = measure_ranks(cases, lambda case: ["?"] * LIST + [case.truth])
    assert summarise_ranks(cases, below)["mrr"]["value"] == 0
