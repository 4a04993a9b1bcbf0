"""Fitting the gate: its gradient against autograd, what it learns against what is best, and the bundle it goes into."""

from __future__ import annotations

import inspect
import json
import shutil
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from codling.bundle import load_bundle
from codling.engine import load_model
from codling.engine.gate import GATE_FEATURES, GATE_FILE, default_gate, load_gate
from codling.engine.mixing import mixed_scores
from codling.engine.project_index import ProjectIndex
from codling.errors import BundleError, CorpusError
from codling.lm import gate as gate_module
from codling.lm.gate import _start, fit_bundle_gate, fit_gate, loss_and_gradients, read_projects
from tiny_bundle import tiny_bundle

FUNCTIONS = (textwrap.wrap, textwrap.fill, textwrap.shorten, textwrap.dedent, textwrap.indent, inspect.getfile)
TEXTS = [inspect.getsource(function) for function in FUNCTIONS]
PROJECTS = {
    "one": {"a.py": TEXTS[0], "b/c.py": TEXTS[1], "b/d.py": TEXTS[1]},
    "two": {"a.py": TEXTS[2], "b.py": TEXTS[3]},
    "three": {"a.py": TEXTS[4], "b.py": TEXTS[5], "empty.py": ""},
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "NUM_STEPS", 120)
    monkeypatch.setattr(gate_module, "BATCH", 512)


def test_the_gradient_is_autograds() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(50, len(GATE_FEATURES)))
    network, cache = random.uniform(0.01, 1, (2, 50))
    weights = [weight.astype(np.float64) + 0.1 for weight in _start(random)]
    loss, gradients = loss_and_gradients(weights, features, network, cache)
    theirs = [torch.tensor(weight, requires_grad=True) for weight in weights]
    shares = torch.sigmoid(torch.tanh(torch.tensor(features) @ theirs[0] + theirs[1]) @ theirs[2] + theirs[3])
    expected = -torch.log((1 - shares) * torch.tensor(network) + shares * torch.tensor(cache)).mean()
    expected.backward()
    assert np.isclose(loss, float(expected.detach()))
    for ours, one in zip(gradients, theirs, strict=True):
        assert one.grad is not None
        assert np.allclose(ours, one.grad.numpy())


def test_a_fitted_gate_beats_the_network_and_the_rule_of_thumb(tmp_path: Path) -> None:
    """The network is untrained, so that the cache deserves nearly all; the fit has to find that out."""
    model = load_model(tiny_bundle(tmp_path))
    gate, scores = fit_gate(model, PROJECTS, num_tokens=3_000)
    static, in_file, in_project = scores
    assert [score.on for score in scores] == ["static", "file cache", "project cache"]
    assert in_project.loss_nats < in_file.loss_nats < static.loss_nats
    assert in_project.accuracy > static.accuracy + 0.2
    index = ProjectIndex({path: np.array(model.vocab.encode(text)) for path, text in PROJECTS["one"].items()})
    tokens = np.array(model.vocab.encode(PROJECTS["one"]["b/c.py"]), np.uint16)
    fitted, thumb = (
        mixed_scores(model, tokens, gate=each, project=index, path="b/c.py").log_probs_T.mean()
        for each in (gate, default_gate())
    )
    assert fitted > thumb


def test_scores_are_those_of_the_mixture(tmp_path: Path) -> None:
    """Loss and accuracy come from a few stored probabilities; here from whole distributions."""
    model = load_model(tiny_bundle(tmp_path))
    with_file, with_project, _ = gate_module._sample(model, PROJECTS, 10_000, 0, lambda *_: None)
    gate = default_gate()
    for samples, is_project in ((with_file, False), (with_project, True)):
        score = gate_module._score("", samples, gate(samples.features_SF) * samples.known_S, 1.0)
        nats, right, num = 0.0, 0, 0
        for texts in PROJECTS.values():
            files = {path: np.array(model.vocab.encode(text), np.uint16) for path, text in texts.items()}
            for path, tokens in files.items():
                project = ProjectIndex(files) if is_project else None
                found = mixed_scores(model, tokens, gate=gate, project=project, path=path)
                nats -= float(found.log_probs_T.sum())
                right += int((found.ranks_T == 0).sum())
                num += len(tokens)
        assert score.num_units == num
        assert np.isclose(score.loss_nats, nats / num, rtol=1e-4)
        assert abs(score.accuracy - right / num) <= 2 / num  # ties in the last bit


def corpus_of(folder: Path, projects: dict[str, dict[str, str]]) -> Path:
    rows = [(project, path, "python", text) for project, files in projects.items() for path, text in files.items()]
    rows.append(("java", "A.java", "java", "class A { }"))
    names = ("project", "path", "language", "text")
    (folder / "text").mkdir(parents=True)
    pq.write_table(
        pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), folder / "text/valid.parquet"
    )
    return folder


def test_the_bundle_is_written_again_with_its_gate(tmp_path: Path) -> None:
    path = tiny_bundle(tmp_path)
    corpus = corpus_of(tmp_path / "corpus", PROJECTS)
    assert read_projects(corpus, "valid", ("python",)) == PROJECTS
    for _ in range(2):  # a second fit takes the first one's place
        bundle, scores = fit_bundle_gate(path, corpus, num_tokens=1_500)
        again = load_bundle(path)
        assert bundle.path == again.path == path
        assert GATE_FILE in again.card.files
        rows = [row for row in again.card.scores if "cache" in row.on or "static" in row.on]
        assert [row.on for row in rows] == [f"valid projects of the corpus, {score.on}" for score in scores]
    features = np.random.default_rng(0).normal(size=(4, len(GATE_FEATURES)))
    assert not np.allclose(load_gate(again)(features), default_gate()(features))
    assert json.loads(again.file(GATE_FILE).read_text())["features"] == list(GATE_FEATURES)


def test_mistakes(tmp_path: Path) -> None:
    path = tiny_bundle(tmp_path)
    before = load_bundle(path).card
    with pytest.raises(CorpusError, match="build the corpus again"):
        fit_bundle_gate(path, tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="at least two projects"):
        fit_bundle_gate(path, corpus_of(tmp_path / "small", {"one": PROJECTS["one"]}))
    with pytest.raises(CorpusError, match="no tokens"):
        fit_bundle_gate(path, corpus_of(tmp_path / "empty", {"a": {"a.py": ""}, "b": {"b.py": ""}}))
    with pytest.raises(BundleError):
        fit_bundle_gate(tmp_path / "no-bundle", tmp_path)
    assert load_bundle(path).card == before


def test_a_zip_gets_no_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be written to what was unpacked of it, and be gone with that."""
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    archive = shutil.make_archive(str(tmp_path / "tiny"), "zip", tiny_bundle(tmp_path))
    with pytest.raises(BundleError, match="comes out of a zip, which would stay as it is"):
        fit_bundle_gate(archive, tmp_path)
