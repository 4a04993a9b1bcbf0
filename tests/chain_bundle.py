"""A language model whose every answer is known beforehand: each character has one favourite successor.

After "." it writes ``mode(skip=1)`` and a line break; after a letter that the chain does not know, a line break, which
leaves nothing to suggest. A real bundle with a real graph (one look-up table), so that all of codling runs as always.
"""

# B batch, T time, V vocabulary

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from codling.bundle import Card, ScoreRow, write_bundle
from codling.vocab import CharVocab

__all__ = ["LINE", "chain_bundle"]

LINE = "mode(skip=1)"
"What the chain writes after a full stop, to the end of the line. No character occurs twice, so that it is a chain."

_CHAIN = f".{LINE}\n"
_SHARE = 0.9  # probability of the favourite; the others share the rest


def chain_bundle(folder: Path, *, name: str = "chain") -> Path:
    """Write the bundle and return its folder, ``folder / name``."""
    vocab = CharVocab()
    card = Card(
        name=name,
        kind="lm",
        description="Writes .mode(skip=1) wherever it can; for tests.",
        languages=("python",),
        licence="Apache-2.0",
        training={"seed": 0, "config": {"order": 1}},
        data={"projects": [f"project {i}" for i in range(40)], "lines": 2_000_000},
        scores=(ScoreRow(on="files never seen", loss_nats=0.5, accuracy=0.81, bits_per_char=0.72, num_units=1000),),
        curve=tuple(
            {"step": 100.0 * i, "train_accuracy": 0.8 - 0.5 / i, "valid_accuracy": 0.75 - 0.5 / i} for i in range(1, 9)
        ),
    )
    files = {"model.onnx": _graph(vocab).SerializeToString(), "vocab.json": json.dumps(vocab.to_json()).encode()}
    return write_bundle(folder / name, card, files).path


def _graph(vocab: CharVocab) -> onnx.ModelProto:
    table_VV = np.full((vocab.size, vocab.size), (1 - _SHARE) / (vocab.size - 1), np.float32)
    after = dict(itertools.pairwise(_CHAIN))
    newline = vocab.encode("\n")[0]
    table_VV[:, newline] = _SHARE
    for character, successor in after.items():
        row = vocab.encode(character)[0]
        table_VV[row, newline] = (1 - _SHARE) / (vocab.size - 1)
        table_VV[row, vocab.encode(successor)[0]] = _SHARE
    log_VV = np.log(table_VV / table_VV.sum(axis=1, keepdims=True))
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "tokens"], ["log_probs"])],
        "chain",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["B", "T"])],
        [helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["B", "T", vocab.size])],
        [numpy_helper.from_array(log_VV, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model
