"""What an adaptation gained: the bundle, and the same texts measured before and after."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codling import __version__
from codling.bundle import Bundle, Card, ScoreRow, write_bundle
from codling.config import to_mapping
from codling.corpus.own import HeldOut, OwnCode
from codling.engine import load_model
from codling.engine.evaluation import evaluate
from codling.lm.config import RunConfig
from codling.lm.graph import build_graph, quantise
from codling.lm.nets import RecurrentLM
from codling.lm.restore import is_int8
from codling.training.outcome import Outcome
from codling.types import Score

__all__ = ["Adaptation", "Measure", "export_adapted", "measure"]

_OWN_LICENCE = "LicenseRef-own-code"
"What a licence says of weights that learned from somebody's own code: it is for them to decide."


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One set of texts, before and after."""

    on: str
    num_files: int
    num_units: int
    before: Score
    after: Score | None
    "None when there is no adapted bundle."

    @property
    def is_better(self) -> bool:
        """Whether the adapted bundle finds the texts more likely."""
        return self.after is not None and self.after.loss_nats < self.before.loss_nats

    def to_mapping(self) -> dict[str, Any]:
        return {
            "on": self.on,
            "files": self.num_files,
            "units": self.num_units,
            "before": _figures(self.before),
            "after": _figures(self.after) if self.after else None,
        }


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """What came out."""

    base: str
    "Name of the bundle that was adapted."
    bundle: Bundle | None
    "None when nothing was gained, or the run was interrupted."
    own: OwnCode
    dealt: HeldOut
    outcome: Outcome
    run: Path
    measures: tuple[Measure, ...]
    "The held-out files first, then other code, if there is any."
    notes: tuple[str, ...]
    "What whoever reads the figures should know."
    seconds: float

    @property
    def was_interrupted(self) -> bool:
        return self.outcome.ended == "interrupted"

    def summary(self) -> dict[str, Any]:
        """What came out, as plain data."""
        return {
            "base": self.base,
            "bundle": str(self.bundle.path) if self.bundle else None,
            "name": self.bundle.name if self.bundle else None,
            "files": len(self.own.files),
            "lines": self.own.num_lines,
            "dropped": dict(sorted(self.own.dropped.items())),
            "held_out": [file.path for file in self.dealt.test],
            "ended": self.outcome.ended,
            "steps": self.outcome.step,
            "tokens": self.outcome.tokens,
            "tokens_per_s": round(self.outcome.tokens_per_s, 1),
            "device": self.outcome.device,
            "measures": [measure.to_mapping() for measure in self.measures],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 1),
        }


def measure(bundle: Bundle, texts: Mapping[str, Mapping[str, str]]) -> tuple[Measure, ...]:
    """Score a bundle's graph, as it is served, on each set of texts."""
    model = load_model(bundle, threads=0)
    found = []
    for on, files in texts.items():
        score = evaluate(model, list(files.values()))
        found.append(Measure(on=on, num_files=len(files), num_units=score.num_units, before=score, after=None))
    return tuple(found)


def export_adapted(
    base: Bundle,
    model: RecurrentLM,
    config: RunConfig,
    result: Adaptation,
    texts: Mapping[str, Mapping[str, str]],
    out: Path,
) -> Adaptation:
    """Write the adapted bundle, unless it predicts the held-out files no better than its base, and say what it scored.

    What else the base has (its gate for the cache) goes along unchanged.
    """
    kind = "int8" if is_int8(base) else "float32"
    graph = build_graph(model)
    files = {name: base.file(name).read_bytes() for name in base.card.files}
    files["model.onnx"] = quantise(graph) if kind == "int8" else graph
    card = _card(base, config, result, out.name)
    trial = write_bundle(result.run / "bundle" / out.name, card, files)
    measures = tuple(
        dataclasses.replace(before, after=again.before)
        for before, again in zip(result.measures, measure(trial, texts), strict=True)
    )
    result = dataclasses.replace(result, measures=measures)
    if not measures[0].is_better:
        return result
    scores = tuple(row for each in measures for row in _score_rows(base.name, each, kind))
    return dataclasses.replace(result, bundle=write_bundle(out, dataclasses.replace(card, scores=scores), files))


def _card(base: Bundle, config: RunConfig, result: Adaptation, name: str) -> Card:
    outcome, card, dealt = result.outcome, base.card, result.dealt
    adapted: dict[str, Any] = {
        "base": card.name,
        "base_sha256": card.files["model.onnx"].sha256,
        "folder": result.own.name,
        "files": len(result.own.files),
        "lines": result.own.num_lines,
        "held_out": sorted({file.path for file in (*dealt.valid, *dealt.test)}),
        "data": "the user's own code; it never left the machine",
    }
    return dataclasses.replace(
        card,
        name=name,
        description=f"{card.name}, adapted to {_printable(result.own.name)}",
        licence=card.licence if _OWN_LICENCE in card.licence else f"({card.licence}) AND {_OWN_LICENCE}",
        training={
            "config": to_mapping(config) | {"name": name},
            "seed": config.loop.seed,
            "device": outcome.device,
            "train_s": round(outcome.train_s, 1),
            "best_step": outcome.best.step if outcome.best else outcome.step,
            "tokens": outcome.tokens,
            "codling": __version__,
        },
        data=card.data | {"adapted": [*card.data.get("adapted", ()), adapted]},
        curve=tuple(
            {key: value for key, value in dataclasses.asdict(row).items() if value is not None} for row in outcome.rows
        ),
        scores=(),
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _score_rows(base: str, measured: Measure, graph: str) -> list[ScoreRow]:
    rows = ((measured.on, measured.after), (f"{measured.on}, by {base}", measured.before))
    return [ScoreRow(on=on, graph=graph, num_units=score.num_units, **_figures(score)) for on, score in rows if score]


def _figures(score: Score) -> dict[str, float]:
    return {
        "loss_nats": round(score.loss_nats, 5),
        "bits_per_char": round(score.bits_per_char, 5),
        "accuracy": round(score.accuracy, 5),
    }
