"""Paraphrases: who may ask for whom, and what training makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codling.errors import CorpusError
from codling.search.train.bags import DOC, read_bags
from codling.search.train.config import ViewConfig
from codling.search.train.mine import COLUMNS
from codling.search.train.paraphrase import ParaphraseConfig, find_paraphrases, read_paraphrases
from codling.search.train.teacher import Teacher
from codling.search.train.views import Views
from codling.search.words import Pieces, identifiers

UNITS = [  # project, summary, code
    ("alpha", "Remove a file if it exists.", "if os.path.exists(name): os.unlink(name)"),
    ("alpha", "Remove the file when it exists!", "pathlib.Path(name).unlink(missing_ok=True)"),
    ("beta", "Delete a file if it exists.", "os.remove(target)"),
    ("beta", "?!", "pass"),  # no piece: it is left out of the bags, and every number after it differs from its row's
    ("gamma", "remove a file if it exists", "shutil.rmtree(target)"),
    ("gamma", "Parse the date of a header.", "return email.utils.parsedate(value)"),
]


class Words(Teacher):
    """Says that what shares words means the same: a direction for each word."""

    dim = 64

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def encode(self, texts: Sequence[str], max_tokens: int = 128) -> npt.NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in identifiers(text.lower())[:max_tokens]:
                vectors[row, self.known.setdefault(word, len(self.known))] = 1
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1)).astype(np.float32)


@pytest.fixture
def mined(tmp_path: Path) -> Path:
    rows = [(project, "python", "function", "f", "", "def f()", doc, code) for project, doc, code in UNITS]
    table = pa.table([list(column) for column in zip(*rows, strict=True)], names=list(COLUMNS))
    pq.write_table(table, tmp_path / "pairs.parquet")
    (tmp_path / "mined.json").write_text(json.dumps({"units": len(rows), "languages": {"python": len(rows)}}))
    return tmp_path


@pytest.fixture
def pieces() -> Pieces:
    return Pieces(sorted({word.lower() for _, doc, code in UNITS for word in identifiers(doc + " " + code)}))


def test_other_projects_and_other_words_only(mined: Path, pieces: Pieces) -> None:
    done: list[tuple[int, int]] = []
    assert find_paraphrases(mined, Words(), ParaphraseConfig(), lambda *each: done.append(each)) == 4
    assert done[-1] == (2 * len(UNITS), 2 * len(UNITS))
    bags = read_bags(mined, pieces)
    assert bags.row_N.tolist() == [0, 1, 2, 4, 5]
    found = read_paraphrases(mined).among(bags, (0.5, 1.0))
    assert [set(found.take(np.array([unit]))[0].tolist()) for unit in range(5)] == [
        {2},  # neither its own project's, nor that which says the same in the same words
        {2, 3},
        {0, 1, 3},
        {1, 2},
        set(),
    ]


def test_bounds_and_fewer_units(mined: Path, pieces: Pieces) -> None:
    find_paraphrases(mined, Words(), ParaphraseConfig())
    bags = read_bags(mined, pieces)
    assert len(read_paraphrases(mined).among(bags, (0.8, 1.0)).values) == 4  # delete for remove: 5 words of 6
    assert not len(read_paraphrases(mined).among(bags, (0.9, 1.0)).values)
    assert find_paraphrases(mined, Words(), ParaphraseConfig(max_units=1)) == 0


def test_what_is_not_there_is_said(mined: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="search-train paraphrase"):
        read_paraphrases(mined)
    (mined / "paraphrases.npz").write_bytes(b"PK\3\4 no archive")
    with pytest.raises(CorpusError, match="no readable paraphrases"):
        read_paraphrases(mined)
    with pytest.raises(CorpusError, match="no readable pairs"):
        find_paraphrases(tmp_path / "nothing", Words(), ParaphraseConfig())


def test_the_summary_of_another_asks(mined: Path, pieces: Pieces) -> None:
    find_paraphrases(mined, Words(), ParaphraseConfig())
    bags = read_bags(mined, pieces)
    nothing = ViewConfig(run=5, drop_query=0, with_phrase=0, drop_fields=(0, 0, 0, 0, 0), drop_code=0, with_doc=0)
    own = {tuple(bags.summary.take(np.array([unit]))[0].tolist()): unit for unit in range(len(bags))}
    asked: dict[int, set[int]] = {}
    with_doc = 0
    for seed in range(20):
        views = Views(
            bags,
            ViewConfig(**{**vars(nothing), "paraphrased": 1.0}),
            pieces=pieces,
            batch_size=5,
            seed=seed,
            paraphrases=read_paraphrases(mined).among(bags, (0.5, 1.0)),
        )
        queries, code = views.next()
        ends = [*queries.offsets_N.tolist(), len(queries.pieces_M)]
        code_ends = [*code.offsets_N.tolist(), len(code.pieces_M)]
        for row in range(5):
            asker = own[tuple(queries.pieces_M[ends[row] : ends[row + 1]].tolist())]
            shown = code.pieces_M[code_ends[row] : code_ends[row + 1]]
            body = set(shown[shown // len(pieces) == 4].tolist())
            unit = next(
                number
                for number in range(5)
                if {piece for piece in bags.pieces.take(np.array([number]))[0].tolist() if piece // len(pieces) == 4}
                == body
            )
            asked.setdefault(unit, set()).add(asker)
            with_doc += asker != unit and bool((shown // len(pieces) == DOC).any())
    assert asked == {0: {2}, 1: {2, 3}, 2: {1, 3}, 3: {1, 2}, 4: {4}}  # 0 asks in the words of 3
    assert 50 < with_doc < 80  # of the 80 that another asked for; none of the others, by with_doc
