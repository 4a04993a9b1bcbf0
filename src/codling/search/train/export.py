"""A trained encoder as a bundle: int8 tables, weights in half precision, and all that its card should say."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from codling import __version__
from codling.bundle import Bundle, Card, write_bundle
from codling.config import to_mapping
from codling.search.encoder import ENCODER_FORMAT
from codling.search.segment import quantised
from codling.search.train.config import SearchRunConfig
from codling.search.train.fit import Fitted
from codling.search.train.net import BagEncoder
from codling.search.words import Pieces

__all__ = ["encoder_files", "export_encoder"]


def encoder_files(model: BagEncoder, pieces: Pieces) -> dict[str, bytes]:
    """The files that codling.search.encoder reads, by name."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    arrays["code"], code_scale_V = quantised(_array(model.code_VD))
    arrays["code_scale"] = code_scale_V
    if model.query_VD is not model.code_VD:
        arrays["query"], arrays["query_scale"] = quantised(_array(model.query_VD))
    weights_GV = np.exp(_array(model.log_weights_GV))
    arrays["field_weight"] = weights_GV[:-1].astype(np.float16)
    arrays["query_weight"] = weights_GV[-1].astype(np.float16)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    vocabulary = {"format": ENCODER_FORMAT, "pieces": [pieces[number] for number in range(len(pieces))]}
    return {
        "encoder.npz": buffer.getvalue(),
        "vocab.json": json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")).encode(),
    }


def export_encoder(
    fitted: Fitted,
    pieces: Pieces,
    config: SearchRunConfig,
    out: Path,
    *,
    mined: dict[str, Any],
    teacher: str,
    scores: dict[str, Any] | None = None,
) -> Bundle:
    """Write the bundle.

    Args:
        mined: what codling.search.train.mine said of the pairs, for the card.
        teacher: what the vectors began as, in words; empty for nothing.
        scores: what it scored, by what on; for the card.
    """
    card = Card(
        name=out.name,
        kind="search",
        description="Code and descriptions of it as neighbours: weighted bags of word pieces, int8",
        languages=tuple(mined["languages"]),
        licence="Apache-2.0",
        training={
            "config": to_mapping(config),
            "teacher": teacher,
            "train_s": round(fitted.train_s, 1),
            "codling": __version__,
            "scores": scores or {},
        },
        data={
            key: mined[key] for key in ("units", "languages", "left_out", "excluded_units", "projects") if key in mined
        },
        curve=tuple(dataclasses.asdict(row) for row in fitted.curve),
    )
    return write_bundle(out, card, encoder_files(fitted.model, pieces))


def _array(tensor: Tensor) -> npt.NDArray[np.float32]:
    return tensor.detach().cpu().numpy().astype(np.float32)
