"""A trained writer as a bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codling.bundle import Bundle, Card, write_bundle
from codling.config import to_mapping
from codling.trees.writing.graphs import build_graphs
from codling.trees.writing.reconstruction_graph import build_reconstruction
from codling.trees.writing.train import Trained

__all__ = ["export_writer"]


def export_writer(trained: Trained, out: Path, *, data: dict[str, Any] | None = None) -> Bundle:
    """Write a bundle of kind "write": its graphs, its lexicon, and a card.

    Args:
        out: the bundle's folder; an older one in its place is replaced.
        data: what the card says of the pairs: sources, licences, counts.
    """
    files = build_graphs(trained.net)
    if trained.reconstruction is not None:
        files |= build_reconstruction(trained.reconstruction)
    files["lexicon.json"] = json.dumps(trained.lexicon.to_json(), ensure_ascii=False).encode("utf-8")
    card = Card(
        name=out.name,
        kind="write",
        description=trained.run.description,
        languages=("python",),
        licence="Apache-2.0",
        training={
            "config": to_mapping(trained.run),
            "device": trained.device,
            "seconds": round(trained.epochs[-1].train_s, 1) if trained.epochs else 0.0,
            "epoch": trained.best,
            "reconstruction": [to_mapping(epoch) for epoch in trained.reconstruction_epochs],
        },
        data=data or {},
        curve=_curve(trained),
    )
    return write_bundle(out, card, files)


def _curve(trained: Trained) -> tuple[dict[str, float], ...]:
    rows: Sequence[dict[str, float]] = [
        {"epoch": epoch.number, "train_nats": round(epoch.nats, 5)}
        | {f"{name}_nats": round(each.nats, 5) for name, each in epoch.scores.items()}
        | {f"{name}_right": round(each.right, 5) for name, each in epoch.scores.items()}
        for epoch in trained.epochs
    ]
    return tuple(rows)
