"""The texts of a corpus again, as another vocabulary's tokens."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from codling.corpus.shards import Tokens, read_index, vocab_row, write_shards
from codling.errors import CorpusError
from codling.files import write_atomically, write_text_atomically
from codling.vocab import BpeVocab, Vocab, read_vocab

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
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Write a corpus's texts as sub-words into another corpus folder, and return its index.

    Split, order and texts stay as they are, so that models over characters and over sub-words are compared on the
    same projects.

    Args:
        vocab: a vocabulary to use; None makes one of vocab_size sub-words from the training texts.

    Raises:
        CorpusError: no corpus there, its texts are missing, or out holds something else.
    """
    index = read_index(corpus)
    if out.resolve() == corpus.resolve():
        raise CorpusError(f"{out} is the corpus that is to be read; name another folder")
    if out.is_dir() and any(out.iterdir()) and not (out / "vocab.json").is_file():
        raise CorpusError(f"{out} holds something that is no corpus; name a new folder, or an older corpus's")
    (out / "text").mkdir(parents=True, exist_ok=True)
    (out / "corpus.json").unlink(missing_ok=True)  # from here on, what lies in out is no longer the old corpus
    known: Vocab = read_vocab(vocab) if vocab else BpeVocab.train(_sample(corpus), vocab_size)
    write_text_atomically(out / "vocab.json", json.dumps(known.to_json(), ensure_ascii=False) + "\n")
    total = sum(split["documents"] for split in index["splits"].values())
    done = 0
    splits = {}
    for split in index["splits"]:

        def tokens(split: str = split) -> Iterator[Tokens]:
            nonlocal done
            for texts in _batches(corpus / "text" / f"{split}.parquet"):
                yield from _encode(known, texts)  # type: ignore[misc]
                done += len(texts)
                progress(done, total)

        splits[split] = write_shards(out, split, tokens())
        _copy(corpus / "text" / f"{split}.parquet", out / "text" / f"{split}.parquet")
    kept = {row["file"] for split in splits.values() for row in split["shards"]}
    for path in (out / "shards").glob("*.npy"):
        if f"shards/{path.name}" not in kept:
            path.unlink()
    _copy(corpus / "manifest.parquet", out / "manifest.parquet")
    index = index | {"splits": splits, "vocab": vocab_row(known)}
    write_text_atomically(out / "corpus.json", json.dumps(index, indent=1, ensure_ascii=False) + "\n")
    return index


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as original, write_atomically(target) as file:
        shutil.copyfileobj(original, file)


def _encode(vocab: Vocab, texts: list[str]) -> list[list[int]]:
    if isinstance(vocab, BpeVocab):
        return vocab.encode_batch(texts)
    return [vocab.encode(text) for text in texts]


def _sample(corpus: Path) -> Iterator[str]:
    """Training texts in their order, which the build has shuffled, up to what a vocabulary needs."""
    num_chars = 0
    for texts in _batches(corpus / "text" / "train.parquet"):
        for text in texts:
            yield text
            num_chars += len(text)
            if num_chars >= _VOCAB_CHARS:
                return


def _batches(path: Path) -> Iterator[list[str]]:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH, columns=["text"]):
                yield batch.column(0).to_pylist()
    except OSError as error:
        raise CorpusError(f"cannot read the texts {path}: {error}; build the corpus again") from None
