"""A small encoder whose vectors are random, so that words that agree lie close and all others do not."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from codling.bundle import Bundle, Card, write_bundle
from codling.search.encoder import ENCODER_FORMAT, FIELDS
from codling.search.unit import Unit

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ["read", "write", "file", "json", "parse", "http", "server", "open", "close", "path", "line", "sort", "list"]
DIM = 32


def files(pieces: list[str] | None = None, seed: int = 0) -> dict[str, bytes]:
    pieces = pieces or sorted({*WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)})
    rng = np.random.default_rng(seed)
    table_VD = rng.integers(-127, 128, (len(pieces), DIM)).astype(np.int8)
    arrays = {
        "code": table_VD,
        "code_scale": np.full(len(pieces), 1 / 127, np.float32),
        "field_weight": np.ones((len(FIELDS), len(pieces)), np.float16),
        "query_weight": np.ones(len(pieces), np.float16),
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return {
        "encoder.npz": buffer.getvalue(),
        "vocab.json": json.dumps({"format": ENCODER_FORMAT, "pieces": pieces}).encode(),
    }


def write(folder: Path, contents: dict[str, bytes] | None = None, kind: str = "search") -> Bundle:
    card = Card(name=folder.name, kind=kind, description="random", languages=("python",), licence="Apache-2.0")
    return write_bundle(folder, card, contents or files())


def unit(
    name: str = "read_json", *, doc: str = "", code: str = "", path: str = "pkg/io.py", kind: str = "function"
) -> Unit:
    text = code or f"def {name}(path):\n    return open(path)"
    return Unit(
        kind=kind,  # type: ignore[arg-type]
        name=name,
        qualified_name=name,
        signature=text.splitlines()[0],
        doc=doc,
        path=path,
        language="python",
        line=1,
        top_line=1,
        end_line=text.count("\n") + 1,
        text=text,
        code=text,
    )
