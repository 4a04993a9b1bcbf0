"""A corpus's texts as sub-words."""

from __future__ import annotations

import inspect
import random
import textwrap
from pathlib import Path

import pytest

from codling.corpus.build import BuildConfig, build_corpus
from codling.corpus.encode import encode_corpus
from codling.corpus.shards import open_shards, read_index
from codling.corpus.sources import Request
from codling.errors import CorpusError
from codling.vocab import DOC


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name, module in (("a", random), ("b", textwrap)):
        (folder / "src" / name).mkdir(parents=True)
        (folder / "src" / name / "module.py").write_text(inspect.getsource(module))
    requests = [Request(str(folder / "src" / "a"), "train"), Request(str(folder / "src" / "b"), "valid")]
    build_corpus(folder / "chars", requests, BuildConfig(), num_workers=1)
    return folder / "chars"


def test_a_corpus_as_sub_words(corpus: Path, tmp_path: Path) -> None:
    index = encode_corpus(corpus, tmp_path / "out", vocab_size=500)
    assert read_index(tmp_path / "out") == index
    assert index["vocab"]["unit"] == "sub-word"
    assert index["projects"] == read_index(corpus)["projects"]
    for split in ("train", "valid"):
        chars, words = open_shards(corpus, split), open_shards(tmp_path / "out", split)
        old, new = list(chars.documents()), list(words.documents())
        assert len(old) == len(new)
        for before, after in zip(old, new, strict=True):
            assert after[0] == DOC and after[1:].min() > 2  # nothing but text, and nothing of what is reserved
            assert words.vocab.decode(after.tolist()) == chars.vocab.decode(before.tolist())
    assert (tmp_path / "out" / "text" / "valid.parquet").read_bytes() == (
        corpus / "text" / "valid.parquet"
    ).read_bytes()


def test_with_a_vocabulary_of_ones_own_and_back_to_characters(corpus: Path, tmp_path: Path) -> None:
    encode_corpus(corpus, tmp_path / "words", vocab_size=400)
    again = encode_corpus(corpus, tmp_path / "again", vocab=tmp_path / "words" / "vocab.json")
    assert again["vocab"] == read_index(tmp_path / "words")["vocab"]
    back = encode_corpus(tmp_path / "words", tmp_path / "chars", vocab=corpus / "vocab.json")
    assert back["splits"] == read_index(corpus)["splits"]


def test_it_writes_over_nothing_else(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "love.txt").write_text("dear")
    with pytest.raises(CorpusError, match="no corpus"):
        encode_corpus(corpus, tmp_path / "letters")
    with pytest.raises(CorpusError, match="another folder"):
        encode_corpus(corpus, corpus)
    (corpus / "text" / "valid.parquet").rename(tmp_path / "valid.parquet")
    try:
        with pytest.raises(CorpusError, match="build the corpus again"):
            encode_corpus(corpus, tmp_path / "out", vocab_size=400)
        assert not (tmp_path / "out" / "corpus.json").exists()
    finally:
        (tmp_path / "valid.parquet").rename(corpus / "text" / "valid.parquet")
