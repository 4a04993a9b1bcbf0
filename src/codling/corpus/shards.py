"""Token shards: what a corpus build writes and what training maps into memory.

A corpus folder holds ``corpus.json``, ``vocab.json`` and ``shards/SPLIT-00000.npy`` …. A shard is a one-dimensional
uint16 array of whole documents, each of which starts with DOC.
"""

# D documents, N tokens

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codling.errors import CorpusError
from codling.files import write_atomically
from codling.vocab import DOC, Vocab, read_vocab

__all__ = ["FORMAT", "ShardSet", "Tokens", "open_shards", "vocab_row", "write_shards"]

FORMAT = 1
"Version of the corpus folder's layout; a reader refuses others."

Tokens = npt.NDArray[np.uint16]


@dataclass(frozen=True, kw_only=True)
class ShardSet:
    """One split of a corpus, mapped into memory: nothing is read before it is used."""

    folder: Path
    split: str
    vocab: Vocab
    shards: tuple[Tokens, ...]

    @property
    def num_tokens(self) -> int:
        return sum(len(shard) for shard in self.shards)

    def documents(self) -> Iterator[Tokens]:
        """Each document's tokens, its leading DOC included."""
        for shard in self.shards:
            starts = np.flatnonzero(shard == DOC)
            if len(starts):  # an empty split has one shard of no documents
                yield from np.split(shard, starts[1:])


def open_shards(folder: Path, split: str) -> ShardSet:
    """Map one split of a corpus into memory.

    Raises:
        CorpusError: the folder is no corpus, is unfinished, of another format, has no such split, or is damaged.
    """
    index = read_index(folder)
    if split not in index["splits"]:
        raise CorpusError(f"{folder} has no split {split!r}; it has {', '.join(index['splits'])}")
    vocab = read_vocab(folder / "vocab.json")
    if index.get("vocab", vocab_row(vocab)) != vocab_row(vocab):
        raise CorpusError(f"{folder} has the vocabulary of another corpus; copy it whole, or build it again")
    shards = []
    for row in index["splits"][split]["shards"]:
        path = folder / row["file"]
        try:
            shard = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CorpusError(f"cannot read the shard {path}: {error}; build the corpus again") from None
        if shard.dtype != np.uint16 or shard.shape != (row["tokens"],):
            raise CorpusError(f"the shard {path} is damaged: {shard.dtype} {shard.shape}; build the corpus again")
        shards.append(shard)
    return ShardSet(folder=folder, split=split, vocab=vocab, shards=tuple(shards))


def read_index(folder: Path) -> dict[str, Any]:
    """The corpus.json of a finished corpus."""
    try:
        index = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    except OSError:
        raise CorpusError(
            f"{folder} is no finished corpus: it has no corpus.json; run `codling corpus build`"
        ) from None
    except ValueError as error:
        raise CorpusError(f"{folder / 'corpus.json'} is damaged: {error}; build the corpus again") from None
    if not isinstance(index, dict) or not isinstance(index.get("splits"), dict):
        raise CorpusError(f"{folder / 'corpus.json'} is damaged: it has no splits; build the corpus again")
    if index.get("format") != FORMAT:
        raise CorpusError(f"{folder} is a corpus of format {index.get('format')!r}, this codling reads {FORMAT}")
    return index


def vocab_row(vocab: Vocab) -> dict[str, Any]:
    """What corpus.json says of a vocabulary."""
    data = json.dumps(vocab.to_json(), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return {"unit": vocab.unit, "size": vocab.size, "sha256": hashlib.sha256(data).hexdigest()}


def write_shards(
    folder: Path, split: str, documents: Iterable[Sequence[int] | Tokens], max_tokens: int = 64_000_000
) -> dict[str, Any]:
    """Write one split's documents and return its row for corpus.json: tokens, documents, shards.

    Args:
        documents: token ids, without DOC; it is added.
        max_tokens: a shard is closed when it has this many; 64 M tokens are 128 MB.
    """
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    pending: list[npt.NDArray[np.uint16]] = []
    num_pending = num_documents = 0

    def flush() -> None:
        nonlocal num_pending
        name = f"shards/{split}-{len(rows):05d}.npy"
        tokens = np.concatenate(pending) if pending else np.zeros(0, np.uint16)
        with write_atomically(folder / name) as file:
            try:
                np.save(file, tokens)
            except OSError as error:
                if error.errno is None:  # numpy says how many bytes were written, and not why no more
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
                raise
        rows.append({"file": name, "tokens": len(tokens)})
        pending.clear()
        num_pending = 0

    for ids in documents:
        tokens = np.empty(len(ids) + 1, np.uint16)
        tokens[0], tokens[1:] = DOC, ids
        pending.append(tokens)
        num_pending += len(ids) + 1
        num_documents += 1
        if num_pending >= max_tokens:
            flush()
    if pending or not rows:
        flush()
    return {"tokens": sum(row["tokens"] for row in rows), "documents": num_documents, "shards": rows}
