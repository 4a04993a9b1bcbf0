"""A corpus's texts as sub-words, and the hints among them."""

from __future__ import annotations

import inspect
import random
import textwrap
from pathlib import Path

import numpy as np
import pytest

from codling.corpus.build import BuildConfig, build_corpus
from codling.corpus.encode import encode_corpus
from codling.corpus.hints import HINT_TOKENS, Hinter
from codling.corpus.shards import open_shards, read_index
from codling.corpus.sources import Request
from codling.errors import CorpusError
from codling.vocab import CURSOR, DOC, SUFFIX, BpeVocab

TEXT = inspect.getsource(random)
VOCAB = BpeVocab.train([TEXT], 600)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name, module in (("a", random), ("b", textwrap)):
        (folder / "src" / name).mkdir(parents=True)
        (folder / "src" / name / "module.py").write_text(inspect.getsource(module))
    requests = [Request(str(folder / "src" / "a"), "train"), Request(str(folder / "src" / "b"), "valid")]
    build_corpus(folder / "chars", requests, BuildConfig(), num_workers=1)
    return folder / "chars"


def without_hints(tokens: list[int]) -> tuple[list[int], list[list[int]]]:
    plain: list[int] = []
    hints: list[list[int]] = []
    inside = False
    for token in tokens:
        if token == SUFFIX:
            inside = True
            hints.append([])
        elif token == CURSOR:
            inside = False
        elif inside:
            hints[-1].append(token)
        else:
            plain.append(token)
    return plain, hints


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_without_its_hints_a_document_is_what_it_was(share: float) -> None:
    ids = VOCAB.encode(TEXT)
    plain, hints = without_hints(Hinter(VOCAB, share)(ids, [1]).tolist())
    assert plain == ids
    lines = TEXT.count("\n") + 1
    assert 0.5 * share * lines < len(hints) <= lines
    assert all(1 <= len(hint) <= HINT_TOKENS for hint in hints)


def test_a_hint_stands_before_a_line_and_tells_what_comes_a_little_later() -> None:
    ids = VOCAB.encode(TEXT)
    tokens = Hinter(VOCAB, 1.0)(ids, [2]).tolist()
    place = 0  # in the plain text
    at = 0
    num_mid_line = num_hints = 0
    while at < len(tokens):
        if tokens[at] == SUFFIX:
            end = tokens.index(CURSOR, at)
            hint = VOCAB.decode(tokens[at + 1 : end])
            rest = VOCAB.decode(ids[place:])
            assert place == 0 or rest.startswith("\n")
            found = rest.find(hint, 1)
            assert found > 0
            assert rest[:found].count("\n") <= 6  # the line's own newline, and up to five lines that are missing
            num_mid_line += not hint.startswith("\n")
            num_hints += 1
            at = end
        else:
            place += 1
        at += 1
    assert 0.1 < num_mid_line / num_hints < 0.4


def test_the_same_seed_gives_the_same_hints() -> None:
    hinter, ids = Hinter(VOCAB, 0.3), VOCAB.encode(TEXT)
    assert np.array_equal(hinter(ids, [3, 1]), hinter(ids, [3, 1]))
    assert not np.array_equal(hinter(ids, [3, 1]), hinter(ids, [3, 2]))


@pytest.mark.parametrize("ids", [[], [77], VOCAB.encode("\n"), VOCAB.encode("x = 1\n")])
def test_tiny_documents(ids: list[int]) -> None:
    plain, _ = without_hints(Hinter(VOCAB, 1.0)(ids, [0]).tolist())
    assert plain == ids


def test_a_corpus_as_sub_words(corpus: Path, tmp_path: Path) -> None:
    index = encode_corpus(corpus, tmp_path / "out", vocab_size=500, hints=0.2)
    assert read_index(tmp_path / "out") == index
    assert index["vocab"]["unit"] == "sub-word" and index["hints"] == 0.2
    assert index["projects"] == read_index(corpus)["projects"]
    for split in ("train", "valid"):
        chars, words = open_shards(corpus, split), open_shards(tmp_path / "out", split)
        old, new = list(chars.documents()), list(words.documents())
        assert len(old) == len(new)
        for before, after in zip(old, new, strict=True):
            plain, hints = without_hints(after.tolist())
            assert plain[0] == DOC and words.vocab.decode(plain) == chars.vocab.decode(before.tolist())
            assert bool(hints) == (split == "train")  # scores are of plain text
    assert (tmp_path / "out" / "text" / "valid.parquet").read_bytes() == (
        corpus / "text" / "valid.parquet"
    ).read_bytes()


def test_with_a_vocabulary_of_ones_own_and_back_to_characters(corpus: Path, tmp_path: Path) -> None:
    encode_corpus(corpus, tmp_path / "words", vocab_size=400)
    again = encode_corpus(corpus, tmp_path / "again", vocab=tmp_path / "words" / "vocab.json")
    assert again["vocab"] == read_index(tmp_path / "words")["vocab"]
    back = encode_corpus(tmp_path / "words", tmp_path / "chars", vocab=corpus / "vocab.json")
    assert back["splits"] == read_index(corpus)["splits"] and back["hints"] == 0


def test_it_writes_over_nothing_else(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "love.txt").write_text("dear")
    with pytest.raises(CorpusError, match="no corpus"):
        encode_corpus(corpus, tmp_path / "letters")
    with pytest.raises(CorpusError, match="another folder"):
        encode_corpus(corpus, corpus)
    with pytest.raises(CorpusError, match="share"):
        encode_corpus(corpus, tmp_path / "out", hints=2)
    (corpus / "text" / "valid.parquet").rename(tmp_path / "valid.parquet")
    try:
        with pytest.raises(CorpusError, match="build the corpus again"):
            encode_corpus(corpus, tmp_path / "out", vocab_size=400)
        assert not (tmp_path / "out" / "corpus.json").exists()
    finally:
        (tmp_path / "valid.parquet").rename(corpus / "text" / "valid.parquet")
