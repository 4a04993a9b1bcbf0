"""A corpus's texts as sub-words."""

from __future__ import annotations

import bisect
import fractions
import heapq
import inspect
import random
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from codling.corpus.build import BuildConfig, build_corpus
from codling.corpus.encode import encode_corpus
from codling.corpus.shards import open_shards, read_index
from codling.corpus.sources import Request
from codling.errors import BundleError, CorpusError
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


def test_files_are_written_as_often_as_they_weigh(tmp_path: Path) -> None:
    modules = {"package": (random, textwrap), "examples": (inspect, heapq), "tests": (bisect, fractions)}
    for folder, members in modules.items():
        (tmp_path / "src" / folder).mkdir(parents=True)
        for module in members:
            text = f"FOLDER = '{folder}'\n" + inspect.getsource(module)
            (tmp_path / "src" / folder / f"{module.__name__}.py").write_text(text)
    build_corpus(tmp_path / "chars", [Request(str(tmp_path / "src"), "train")], BuildConfig(), num_workers=1)
    once = encode_corpus(tmp_path / "chars", tmp_path / "once", vocab=tmp_path / "chars" / "vocab.json")
    weights = {"*.py": 1.0, "examples/": 3.0, "tests/": 0.001}
    index = encode_corpus(
        tmp_path / "chars", tmp_path / "out", vocab=tmp_path / "chars" / "vocab.json", weights=weights
    )
    assert index["weights"] == weights
    shards = open_shards(tmp_path / "out", "train")
    texts = [shards.vocab.decode(document.tolist()) for document in shards.documents()]
    copies = {
        folder: [texts.count(text) for text in dict.fromkeys(texts) if f"FOLDER = '{folder}'" in text]
        for folder in modules
    }
    assert once["splits"]["train"]["documents"] == 6
    assert copies == {"package": [1, 1], "examples": [3, 3], "tests": []}


@pytest.mark.parametrize("weight", [0.0, -1.0, 101.0, float("nan")])
def test_a_weight_that_makes_no_sense(corpus: Path, tmp_path: Path, weight: float) -> None:
    with pytest.raises(CorpusError, match="weight"):
        encode_corpus(corpus, tmp_path / "out", weights={"examples/": weight})
    assert not (tmp_path / "out").exists()


def test_an_encoding_that_was_killed_at_any_moment_is_repeated(corpus: Path, tmp_path: Path) -> None:
    whole = encode_corpus(corpus, tmp_path / "whole", vocab_size=400)
    script = (
        "import sys, time; from pathlib import Path; from codling.corpus import encode\n"
        "train = encode.BpeVocab.train\n"
        "encode.BpeVocab.train = lambda *args: (print('begun', flush=True), time.sleep(60))\n"
        "encode.encode_corpus(Path(sys.argv[1]), Path(sys.argv[2]), vocab_size=400)\n"
    )
    out = tmp_path / "out"
    command = [sys.executable, "-c", script, str(corpus), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None and first.stdout.readline() == "begun\n"
        with pytest.raises(CorpusError, match=f"another process writes {out}; wait for it"):
            encode_corpus(corpus, out, vocab_size=400)
        first.kill()
    (out / ".vocab.json.x1y2.part").write_text("half")
    assert encode_corpus(corpus, out, vocab_size=400) == whole
    assert not list(out.glob(".*.part"))


def test_a_mistake_costs_no_corpus_that_is_there(corpus: Path, tmp_path: Path) -> None:
    index = encode_corpus(corpus, tmp_path / "out", vocab_size=400)
    with pytest.raises(BundleError, match="cannot read the vocabulary"):
        encode_corpus(corpus, tmp_path / "out", vocab=tmp_path / "typo.json")
    assert read_index(tmp_path / "out") == index
    (tmp_path / "file").write_text("dear")
    with pytest.raises(CorpusError, match="no corpus"):
        encode_corpus(corpus, tmp_path / "file")


def test_texts_that_are_damaged_are_one_line(corpus: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(corpus, copy)
    data = (copy / "text" / "train.parquet").read_bytes()
    for damaged in (b"", b"PAR1", data[: len(data) // 2], data[:-9] + b"\xff" + data[-8:]):
        (copy / "text" / "train.parquet").write_bytes(damaged)
        with pytest.raises(CorpusError, match=r"train\.parquet: .*; build the corpus again"):
            encode_corpus(copy, tmp_path / "out", vocab=copy / "vocab.json")


def test_a_corpus_that_is_half_another_is_refused(corpus: Path, tmp_path: Path) -> None:
    encode_corpus(corpus, tmp_path / "words", vocab_size=400)
    shutil.copy(corpus / "vocab.json", tmp_path / "words" / "vocab.json")
    with pytest.raises(CorpusError, match="has the vocabulary of another corpus"):
        open_shards(tmp_path / "words", "train")
    for damaged in ("[]", "{}", '{"format": 1}', '{"format": 1, "splits": []}'):
        (tmp_path / "words" / "corpus.json").write_text(damaged)
        with pytest.raises(CorpusError, match="it has no splits; build the corpus again"):
            open_shards(tmp_path / "words", "train")
