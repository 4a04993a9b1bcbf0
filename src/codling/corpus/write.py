"""Write what was kept: token shards, the texts beside them, and the manifest of every file."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import IO, Any

import numpy as np

from codling.corpus.judge import Document, Progress, Verdict
from codling.corpus.shards import Tokens, write_shards
from codling.corpus.split import SPLITS
from codling.corpus.workers import in_order
from codling.files import write_atomically
from codling.vocab import Vocab

__all__ = ["texts_of", "write_documents", "write_manifest"]

_CHUNK_BYTES = 4_000_000  # of text: what one worker encodes at a time, and one row group of the Parquet file


def texts_of(documents: list[Document]) -> Iterator[str]:
    """The cleaned texts of documents, in order, read as they are asked for."""
    for document in documents:  # opened anew each time: 20 µs, and never too many open files
        with document.texts.open("rb") as file:
            file.seek(document.row.offset)
            yield file.read(document.row.length).decode()


def write_documents(
    out: Path, verdict: Verdict, vocab: Vocab, pool: Executor, ahead: int, progress: Progress
) -> dict[str, Any]:
    """Write shards/ and text/, and return each split's row for corpus.json."""
    total = sum(len(documents) for documents in verdict.documents.values())
    done = 0
    rows = {}
    for split in SPLITS:
        documents = verdict.documents[split]

        def tokens(split: str = split, documents: list[Document] = documents) -> Iterator[Tokens]:
            nonlocal done
            with write_atomically(out / "text" / f"{split}.parquet") as file, _TextWriter(file) as writer:
                encode = functools.partial(_encode, vocab)
                for chunk, texts, encoded in in_order(pool, encode, _chunks(documents), ahead):
                    writer.write(chunk, texts)
                    yield from encoded
                    done += len(chunk)
                    progress("write", done, total)

        rows[split] = write_shards(out, split, tokens())
    return rows


def write_manifest(path: Path, verdict: Verdict) -> None:
    """Write one row per file: where it came from, its licence and hash, and where it went or why it was dropped."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = verdict.files
    columns = {
        "source": [document.project.spec for document in files],
        "origin": [document.project.origin for document in files],
        "project": [document.project.name for document in files],
        "version": [document.project.version for document in files],
        "licence": [document.project.licence for document in files],
        "path": [document.row.path for document in files],
        "language": [document.row.language for document in files],
        "bytes": pa.array([document.row.num_bytes for document in files], pa.int64()),
        "sha256": [document.row.sha256 for document in files],
        "split": [document.split for document in files],
        "dropped": [document.row.dropped or None for document in files],
        "detail": [document.row.detail or None for document in files],
        "text_sha256": [document.row.text_sha256 or None for document in files],
        "lines": pa.array([document.row.num_lines for document in files], pa.int64()),
        "characters": pa.array([document.row.num_chars for document in files], pa.int64()),
    }
    with write_atomically(path) as file:
        pq.write_table(pa.table(columns), file, compression="zstd")


class _TextWriter:
    """Writes documents and their texts as Parquet, a row group at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = ("project", "version", "licence", "path", "language", "text")
        self._schema = pa.schema([(name, pa.string()) for name in names])
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")

    def __enter__(self) -> _TextWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, documents: list[Document], texts: list[str]) -> None:
        import pyarrow as pa

        columns = [
            [document.project.name for document in documents],
            [document.project.version for document in documents],
            [document.project.licence for document in documents],
            [document.row.path for document in documents],
            [document.row.language for document in documents],
            texts,
        ]
        self._writer.write_table(pa.table(columns, schema=self._schema))


def _chunks(documents: list[Document]) -> Iterator[list[Document]]:
    chunk: list[Document] = []
    num_bytes = 0
    for document in documents:
        chunk.append(document)
        num_bytes += document.row.length
        if num_bytes >= _CHUNK_BYTES:
            yield chunk
            chunk, num_bytes = [], 0
    if chunk:
        yield chunk


def _encode(vocab: Vocab, documents: list[Document]) -> tuple[list[Document], list[str], list[Tokens]]:
    texts = list(texts_of(documents))
    return documents, texts, [np.array(vocab.encode(text), np.uint16) for text in texts]
