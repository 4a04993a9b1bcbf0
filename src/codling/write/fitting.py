"""Fitting how a bundle's candidates are ordered, on pairs that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codling.bundle import Bundle, write_bundle
from codling.errors import TrainingError
from codling.trees.writing.measures import exact, sentence_bleu
from codling.trees.writing.pairs import Pair
from codling.trees.writing.watching import Watcher
from codling.trees.writing.words import words_of
from codling.write.beam import grow, merit
from codling.write.model import WriterModel, load_writer
from codling.write.ranking import RANKING, Judged, fit_ranking

__all__ = ["fit_bundle"]


def fit_bundle(bundle: Bundle, pairs: Sequence[Pair], out: Path, watcher: Watcher | None = None) -> Bundle:
    """Search for a program for every pair, fit the weights of a ranking to what is found, write the bundle with it.

    Args:
        out: folder; may be the bundle's own.
        watcher: is told how the search goes, as of one epoch whose batches are pairs.

    Raises:
        BundleError: the bundle is damaged, or no writer.
        TrainingError: it has no network that says descriptions back, or its candidates are all right, or all wrong.
    """
    model = load_writer(bundle)
    watcher = watcher or Watcher()
    watcher.begins("the order of candidates", 1, len(pairs))
    judged = []
    for done, pair in enumerate(pairs):
        watcher.batch(1, done)
        judged.append(_judged(model, pair))
    ranking = fit_ranking(judged)
    files = {name: bundle.file(name).read_bytes() for name in bundle.card.files}
    return write_bundle(out, bundle.card, files | {RANKING: ranking.to_json().encode()})


def _judged(model: WriterModel, pair: Pair) -> list[Judged]:
    if model.retelling is None:
        raise TrainingError(f"bundle {model.name} has no network that says descriptions back; train one: reconstruct=1")
    words = words_of(pair.text)
    if not words:
        return []
    grown = grow(model, model.describe(words))
    missed = model.retelling.nats(words, [each.actions for each in grown])
    return [
        Judged(
            merit(each.score, len(each.actions)),
            float(nats),
            exact(each.code, pair.code),
            sentence_bleu(each.code, pair.code),
        )
        for each, nats in zip(grown, missed, strict=True)
    ]
