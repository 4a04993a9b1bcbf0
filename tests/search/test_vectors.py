"""The vector store against a dictionary of vectors, whatever is added, replaced and removed in whatever order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from codling.search import vectors
from codling.search.segment import VectorError, quantised
from codling.search.vectors import VectorStore

DIM = 16


def random_vectors(rng: np.random.Generator, count: int, dim: int = DIM) -> np.ndarray:
    found = rng.normal(size=(count, dim)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_quantised_keeps_what_it_can() -> None:
    given = random_vectors(np.random.default_rng(0), 100)
    codes, scale = quantised(given)
    assert np.abs(codes).max() == 127
    assert np.abs(codes * scale[:, None] - given).max() <= scale.max() / 2 + 1e-7
    assert not quantised(np.zeros((2, DIM), np.float32))[0].any()


class AgainstDictionary(RuleBasedStateMachine):
    """What was committed is found; what was not, or was removed, is not."""

    @initialize(seed=st.integers(0, 1_000))
    def start(self, seed: int) -> None:
        import tempfile

        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "vectors"
        self.rng = np.random.default_rng(seed)
        self.store = VectorStore(self.folder, dim=DIM, encoder="one")
        self.committed: dict[int, np.ndarray] = {}
        self.staged: dict[int, np.ndarray] = {}

    @rule(ids=st.lists(st.integers(0, 40), max_size=12, unique=True))
    def upsert(self, ids: list[int]) -> None:
        added = random_vectors(self.rng, len(ids))
        self.store.upsert(ids, added)
        self.staged.update(zip(ids, added, strict=True))

    @rule(ids=st.lists(st.integers(0, 40), max_size=6))
    def delete(self, ids: list[int]) -> None:
        self.store.delete(ids)
        for each in ids:
            self.staged.pop(each, None)

    @rule()
    def commit(self) -> None:
        self.store.commit()
        self.committed = dict(self.staged)

    @rule()
    def reopen(self) -> None:
        self.store.commit()
        self.committed = dict(self.staged)
        self.store = VectorStore(self.folder, dim=DIM, encoder="one")

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "store"):
            return
        assert len(self.store) == len(self.committed)
        query = random_vectors(self.rng, 1)[0]
        ids, scores = self.store.search(query, 5)
        assert len(ids) == min(5, len(self.committed))
        assert (np.diff(scores) <= 0).all()
        exact = {each: float(vector @ query) for each, vector in self.committed.items()}
        assert set(ids.tolist()) <= exact.keys()
        assert [exact[each] for each in ids.tolist()] == pytest.approx(scores.tolist(), abs=0.03)
        best = sorted(exact.values(), reverse=True)[: len(ids)]
        assert best == pytest.approx(scores.tolist(), abs=0.03)
        assert self.store.scores(query, list(range(50))) == pytest.approx(exact, abs=0.03)
        assert self.store.vectors(list(range(50))).keys() == self.committed.keys()

    def teardown(self) -> None:
        if hasattr(self, "temporary"):
            self.temporary.cleanup()


AgainstDictionary.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestAgainstDictionary = AgainstDictionary.TestCase


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "EXACT_UP_TO", 500)
    monkeypatch.setattr(vectors, "_MIN_MERGED", 50)


@pytest.mark.usefixtures("small_limits")
def test_a_graph_finds_what_comparing_all_finds(tmp_path: Path) -> None:
    """Above the bound: neighbours as clusters have them, with the dead among them passed over."""
    rng = np.random.default_rng(3)
    centres = random_vectors(rng, 60)
    given = np.repeat(centres, 50, axis=0) + 0.15 * rng.normal(size=(3_000, DIM)).astype(np.float32)
    given = (given / np.linalg.norm(given, axis=1, keepdims=True)).astype(np.float32)
    store = VectorStore(tmp_path / "v", dim=DIM)
    store.upsert(range(3_000), given)
    store.commit()
    store.delete(range(0, 3_000, 7))
    store.commit()
    assert any((tmp_path / "v").glob("*.usearch"))
    alive = np.array([each for each in range(3_000) if each % 7])
    found = 0
    for query in centres[:20]:
        best = set(alive[np.argsort(-(given[alive] @ query))[:10]].tolist())
        ids, _ = store.search(query, 10)
        assert all(each % 7 for each in ids.tolist())
        found += len(best & set(ids.tolist()))
    assert found >= 0.9 * 200


def test_among_compares_only_those(tmp_path: Path) -> None:
    store = VectorStore(tmp_path / "v", dim=DIM)
    given = random_vectors(np.random.default_rng(1), 30)
    store.upsert(range(30), given)
    store.commit()
    ids, _ = store.search(given[4], 3, np.array([9, 4, 77]))
    assert ids.tolist()[0] == 4 and set(ids.tolist()) == {4, 9}


@pytest.mark.usefixtures("small_limits")
def test_many_small_changes_stay_few_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    store = VectorStore(tmp_path / "v", dim=DIM)
    for first in range(0, 2_000, 20):
        store.upsert(range(first, first + 20), random_vectors(rng, 20))
        store.commit()
    assert len(store) == 2_000
    assert len(list((tmp_path / "v").iterdir())) < 80
    assert len(json.loads((tmp_path / "v" / "vectors.json").read_text())["segments"]) <= 9


def test_a_reader_sees_commits_when_it_asks(tmp_path: Path) -> None:
    writer, rng = VectorStore(tmp_path / "v", dim=DIM), np.random.default_rng(0)
    reader = VectorStore(tmp_path / "v", dim=DIM)
    writer.upsert([1, 2], random_vectors(rng, 2))
    writer.commit()
    assert len(reader) == 0
    assert reader.refresh() and len(reader) == 2
    assert not reader.refresh()


def test_a_change_that_was_not_finished_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after kill -9 between the files of a segment and the manifest."""
    rng = np.random.default_rng(0)
    store = VectorStore(tmp_path / "v", dim=DIM)
    store.upsert([1, 2], random_vectors(rng, 2))
    store.commit()

    def killed(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(vectors, "write_text_atomically", killed)
    store.upsert([3], random_vectors(rng, 1))
    store.delete([1])
    with pytest.raises(KeyboardInterrupt):
        store.commit()
    monkeypatch.undo()
    again = VectorStore(tmp_path / "v", dim=DIM)
    assert again.vectors([1, 2, 3]).keys() == {1, 2}
    again.upsert([4], random_vectors(rng, 1))
    again.commit()
    assert VectorStore(tmp_path / "v", dim=DIM).vectors([1, 2, 3, 4]).keys() == {1, 2, 4}


def test_another_encoders_vectors_are_refused(tmp_path: Path) -> None:
    store = VectorStore(tmp_path / "v", dim=DIM, encoder="one")
    store.upsert([1], random_vectors(np.random.default_rng(0), 1))
    store.commit()
    for dim, encoder in ((DIM, "two"), (DIM + 1, "one")):
        with pytest.raises(VectorError, match="another encoder"):
            VectorStore(tmp_path / "v", dim=dim, encoder=encoder)


@pytest.mark.parametrize("damage", ["manifest", "manifest format", "cut", "a row less", "missing"])
def test_damage_is_said(tmp_path: Path, damage: str) -> None:
    store = VectorStore(tmp_path / "v", dim=DIM)
    store.upsert([1, 2], random_vectors(np.random.default_rng(0), 2))
    store.commit()
    manifest = tmp_path / "v" / "vectors.json"
    rows = next((tmp_path / "v").glob("*.rows"))
    if damage == "manifest":
        manifest.write_text("{")
    elif damage == "manifest format":
        manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 9'))
    elif damage == "cut":
        rows.write_bytes(rows.read_bytes()[:-20])
    elif damage == "a row less":
        rows.write_bytes(rows.read_bytes()[: -(12 + DIM)])
    else:
        rows.unlink()
    with pytest.raises(VectorError, match="index"):
        VectorStore(tmp_path / "v", dim=DIM)


def test_wrong_shapes_are_our_own_mistake(tmp_path: Path) -> None:
    store = VectorStore(tmp_path / "v", dim=DIM)
    with pytest.raises(ValueError, match="shape"):
        store.upsert([1, 2], np.zeros((1, DIM), np.float32))


def test_a_store_that_is_asked_often_answers_the_same(tmp_path: Path) -> None:
    """After some queries the rows are packed anew in memory."""
    rng = np.random.default_rng(3)
    store = VectorStore(tmp_path / "v", dim=DIM)
    store.upsert(list(range(2_000)), random_vectors(rng, 2_000))
    store.commit()
    store.delete([5, 6])
    store.commit()
    queries = random_vectors(rng, 5)
    first = [store.search(query, 20) for query in queries]
    assert any("packed" in vars(each) for each in store._segments)
    for query, (ids, scores) in zip(queries, first, strict=True):
        again_ids, again_scores = store.search(query, 20)
        assert again_ids.tolist() == ids.tolist() and again_scores.tolist() == scores.tolist()
        by_id = store.scores(query, ids)  # a few rows, which are never packed
        assert [by_id[int(number)] for number in ids] == pytest.approx(scores.tolist(), rel=1e-6)
