"""A small bundle that can be trained further: a character LSTM that has seen a little Python."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from codling.bundle import Bundle, Card, load_bundle, write_bundle
from codling.config import to_mapping
from codling.lm.config import ModelConfig, RunConfig
from codling.lm.graph import build_graph, quantise, state_rows
from codling.lm.nets import RecurrentLM
from codling.vocab import CharVocab

__all__ = ["trainable_bundle"]


def trainable_bundle(folder: Path, *, int8: bool = True, languages: tuple[str, ...] = ("python",)) -> Bundle:
    """Write a bundle with fresh weights into a folder, whose name becomes the bundle's."""
    torch.manual_seed(5)
    vocab = CharVocab()
    config = ModelConfig(num_layers=1, hidden_size=48, embedding_size=16, ngram_orders=(2, 3), ngram_buckets=509)
    model = RecurrentLM(config, vocab.size).eval()
    graph = build_graph(model)
    card = Card(
        name=folder.name,
        kind="lm",
        description="fresh weights, for tests",
        languages=languages,
        licence="Apache-2.0",
        states=state_rows(model),
        training={"config": to_mapping(RunConfig(name=folder.name, model=config))},
        data={"projects": [{"name": "somebody-s"}]},
    )
    files = {
        "model.onnx": quantise(graph) if int8 else graph,
        "vocab.json": json.dumps(vocab.to_json()).encode(),
        "more.json": b"{}\n",
    }
    write_bundle(folder, card, files)
    return load_bundle(folder)
