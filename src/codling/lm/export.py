"""From a trained network to a bundle: float32 and int8 graphs, both scored, the better trade kept."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from codling.bundle import Bundle, Card, ScoreRow, write_bundle
from codling.config import to_mapping
from codling.corpus.shards import open_shards, read_index
from codling.engine import load_model
from codling.engine.evaluation import evaluate
from codling.lm.config import RunConfig
from codling.lm.graph import build_graph, quantise, state_rows
from codling.lm.nets import RecurrentLM
from codling.vocab import Vocab

__all__ = ["MAX_INT8_LOSS", "export_bundle"]

MAX_INT8_LOSS = 0.005
"Accuracy that int8 may cost, as a share; a model that loses more ships as float32."


def export_bundle(
    model: RecurrentLM,
    config: RunConfig,
    corpus: Path,
    out: Path,
    *,
    training: dict[str, Any],
    curve: Sequence[dict[str, float]] = (),
    max_units: int = 500_000,
    on_step: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Write a bundle from a trained network and score it on the corpus's held-out projects.

    Args:
        corpus: the corpus it was trained on; its valid and test splits are what is scored.
        out: folder of the bundle; one that stands there is replaced.
        training: facts for the card: seed, device, duration, tokens seen, commit.
        curve: rows of loss and accuracy by step, for the card.
        max_units: at most so many tokens of each split are scored, whole documents from its start.
        on_step: told what is being done, for a progress display.

    Raises:
        CorpusError: the corpus is gone or damaged.
    """
    index = read_index(corpus)
    splits = [split for split in ("valid", "test") if index["splits"].get(split, {}).get("documents")]
    texts = {split: _texts(corpus, split, max_units) for split in splits}
    vocab = open_shards(corpus, "train").vocab
    on_step("writing the graph")
    graphs = {"float32": build_graph(model)}
    if config.model.cell == "lstm":  # ONNX Runtime has no int8 operator for the others
        graphs["int8"] = quantise(graphs["float32"])
    card = Card(
        name=out.name,
        kind="lm",
        description=config.description,
        languages=_languages(index),
        licence="Apache-2.0",
        cleaning=dict(index.get("cleaning", {})),
        states=state_rows(model),
        training={"config": to_mapping(config), **training},
        data={
            "projects": [_project(row) for row in index.get("projects", []) if row.get("kept")],
            "counts": index.get("counts", {}),
            "seed": index.get("seed"),
        },
        curve=tuple(curve),
    )
    scores: list[ScoreRow] = []
    for name, graph in graphs.items():
        for split in splits:
            on_step(f"scoring {name} on {split}")
            scores.append(
                _score(card, graph, vocab, texts[split], on=f"{split} projects of the corpus", graph_name=name)
            )
    kept = "int8" if "int8" in graphs and _holds(scores) else "float32"
    return write_bundle(out, replace(card, scores=tuple(scores)), _files(graphs[kept], vocab))


def _project(row: dict[str, Any]) -> dict[str, Any]:
    """What a card says of a project; not where it lay on the machine that trained."""
    return {key: row[key] for key in ("name", "version", "licence", "split", "lines") if key in row}


def _texts(corpus: Path, split: str, max_units: int) -> list[str]:
    shards = open_shards(corpus, split)
    seen = itertools.accumulate(len(document) for document in shards.documents())
    chosen = [document for document, total in zip(shards.documents(), seen, strict=True) if total <= max_units]
    return [shards.vocab.decode(document.tolist()) for document in chosen]


def _score(card: Card, graph: bytes, vocab: Vocab, texts: list[str], *, on: str, graph_name: str) -> ScoreRow:
    with tempfile.TemporaryDirectory() as folder:
        bundle = write_bundle(Path(folder) / card.name, card, _files(graph, vocab))
        score = evaluate(load_model(bundle, threads=0), texts)
    return ScoreRow(
        on=on,
        graph=graph_name,
        loss_nats=round(score.loss_nats, 5),
        bits_per_char=round(score.bits_per_char, 5),
        accuracy=round(score.accuracy, 5),
        num_units=score.num_units,
    )


def _languages(index: dict[str, Any]) -> tuple[str, ...]:
    """Languages of a corpus, the most frequent first; not those of a few stray files."""
    counts = index.get("counts", {}).get("languages", {"python": 1})
    least = 0.05 * sum(counts.values())
    return tuple(sorted((name for name in counts if counts[name] >= least), key=lambda name: -counts[name]))


def _holds(scores: Sequence[ScoreRow]) -> bool:
    """Whether int8 keeps the accuracy of float32 on every split."""
    float32 = {row.on: row.accuracy for row in scores if row.graph == "float32"}
    int8 = {row.on: row.accuracy for row in scores if row.graph == "int8"}
    return all(float32[on] - int8[on] <= MAX_INT8_LOSS for on in float32)


def _files(graph: bytes, vocab: Vocab) -> dict[str, bytes]:
    return {"model.onnx": graph, "vocab.json": json.dumps(vocab.to_json(), ensure_ascii=False).encode("utf-8")}
