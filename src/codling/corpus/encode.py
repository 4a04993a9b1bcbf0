"""The texts of a corpus again, as another vocabulary's tokens."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codling.corpus.shards import Tokens, read_index, vocab_row, write_shards
from codling.errors import CorpusError
from codling.files import sweep, write_atomically, write_text_atomically
from codling.hold import only_one
from codling.vocab import BpeVocab, Vocab, read_vocab

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["encode_corpus"]

_VOCAB_CHARS = 60_000_000  # of text that a vocabulary is made from; more changes it little
_BATCH = 256  # documents at a time
Progress = Callable[[int, int], None]
"Called with the documents done and the number of all."


def encode_corpus(
    corpus: Path,
    out: Path,
    *,
    vocab: Path | None = None,
    vocab_size: int = 8_192,
    weights: Mapping[str, float] | None = None,
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Write a corpus's texts as sub-words into another corpus folder, and return its index.

    Split, order and texts stay as they are, so that models over characters and over sub-words are compared on the
    same projects.

    Args:
        vocab: a vocabulary to use; None makes one of vocab_size sub-words from the training texts.
        weights: how often training files are read whose path matches a pattern (as in .gitignore; the last that
            matches counts): 3 writes them three times, 0.3 writes three tenths of them. None: everything once.

    Raises:
        CorpusError: no corpus there, its texts are missing, out holds something else, or a weight or its pattern
            makes no sense, or another process writes to out.
    """
    index = read_index(corpus)
    rules = _rules(weights or {})
    if out.resolve() == corpus.resolve():
        raise CorpusError(f"{out} is the corpus that is to be read; name another folder")
    ours = any((out / name).is_file() for name in ("vocab.json", ".lock"))  # the latter was killed early
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not ours:
        raise CorpusError(f"{out} holds something that is no corpus; name a new folder, or an older corpus's")
    try:
        with only_one(out, CorpusError(f"another process writes {out}; wait for it, or name another folder")):
            return _encode_corpus(index, corpus, out, vocab, vocab_size, weights or {}, rules, progress)
    except OSError as error:
        raise CorpusError(f"cannot write {out}: {error}; when that is mended, repeat the command") from error


def _encode_corpus(
    index: dict[str, Any],
    corpus: Path,
    out: Path,
    vocab: Path | None,
    vocab_size: int,
    weights: Mapping[str, float],
    rules: list[tuple[GitIgnoreSpec, float]],
    progress: Progress,
) -> dict[str, Any]:
    sweep(out, out / "shards", out / "text")
    known: Vocab = read_vocab(vocab) if vocab else BpeVocab.train(_sample(corpus), vocab_size)
    if known.size > 1 << 16:
        raise CorpusError(f"{vocab} has {known.size:,} entries; shards hold at most {1 << 16:,}")
    (out / "text").mkdir(exist_ok=True)
    (out / "corpus.json").unlink(missing_ok=True)  # from here on, what lies in out is no longer the old corpus
    write_text_atomically(out / "vocab.json", json.dumps(known.to_json(), ensure_ascii=False) + "\n")
    total = sum(split["documents"] for split in index["splits"].values())
    done = 0
    splits = {}
    for split in index["splits"]:

        def tokens(split: str = split) -> Iterator[Tokens]:
            nonlocal done
            for repeat in range(math.ceil(max([1, *weights.values()])) if weights and split == "train" else 1):
                for rows in _batches(corpus / "text" / f"{split}.parquet", "path", "text"):
                    chosen = rows if split != "train" else [row for row in rows if repeat < _copies(row[0], rules)]
                    yield from _encode(known, [text for _, text in chosen])  # type: ignore[misc]
                    done += len(rows) if repeat == 0 else 0
                    progress(done, total)

        splits[split] = write_shards(out, split, tokens())
        _copy(corpus / "text" / f"{split}.parquet", out / "text" / f"{split}.parquet")
    kept = {row["file"] for split in splits.values() for row in split["shards"]}
    for path in (out / "shards").glob("*.npy"):
        if f"shards/{path.name}" not in kept:
            path.unlink()
    _copy(corpus / "manifest.parquet", out / "manifest.parquet")
    index = index | {"splits": splits, "vocab": vocab_row(known)} | ({"weights": dict(weights)} if weights else {})
    write_text_atomically(out / "corpus.json", json.dumps(index, indent=1, ensure_ascii=False) + "\n")
    return index


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as original, write_atomically(target) as file:
        shutil.copyfileobj(original, file)


def _rules(weights: Mapping[str, float]) -> list[tuple[GitIgnoreSpec, float]]:
    """The weights with their patterns compiled, the last first.

    Raises:
        CorpusError: a weight is not in (0, 100], or a pattern is none.
    """
    import pathspec

    rules = []
    for pattern, weight in weights.items():
        if not 0 < weight <= 100:
            raise CorpusError(f"the weight {weight:g} of {pattern!r} is not above 0 and at most 100")
        try:
            rules.append((pathspec.GitIgnoreSpec.from_lines([pattern]), weight))
        except ValueError as error:
            raise CorpusError(f"{pattern!r} is no pattern of paths: {error}") from None
    return rules[::-1]


def _copies(path: str, rules: list[tuple[GitIgnoreSpec, float]]) -> int:
    """How often a file is written: its weight, rounded up or down by chance that the path alone decides."""
    weight = next((weight for spec, weight in rules if spec.match_file(path)), 1.0)
    return int(weight) + (random.Random(path).random() < weight % 1)


def _encode(vocab: Vocab, texts: list[str]) -> list[list[int]]:
    if isinstance(vocab, BpeVocab):
        return vocab.encode_batch(texts)
    return [vocab.encode(text) for text in texts]


def _sample(corpus: Path) -> Iterator[str]:
    """Training texts in their order, which the build has shuffled, up to what a vocabulary needs."""
    num_chars = 0
    for rows in _batches(corpus / "text" / "train.parquet", "text"):
        for (text,) in rows:
            yield text
            num_chars += len(text)
            if num_chars >= _VOCAB_CHARS:
                return


def _batches(path: Path, *columns: str) -> Iterator[list[tuple[str, ...]]]:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH, columns=list(columns)):
                yield list(zip(*(batch.column(name).to_pylist() for name in columns), strict=True))
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own are of these
        why = " ".join(str(error).split())
        raise CorpusError(f"cannot read the texts {path}: {why}; build the corpus again") from None
