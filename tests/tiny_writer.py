"""A small writer, trained in seconds and once for all tests of a process."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from pathlib import Path

from codling.bundle import Bundle
from codling.trees.writing.config import writer_preset
from codling.trees.writing.export import export_writer
from codling.trees.writing.train import Trained, train_writer
from codling.write.fitting import fit_bundle
from trees.small_pairs import small_pairs

_FOLDER = tempfile.TemporaryDirectory(prefix="tiny-writer-")  # removed when the process ends
NUM_HELD_OUT = 30
"Pairs of small_pairs, the first ones, that it was not trained on."


@functools.cache
def tiny_writer() -> tuple[Trained, Bundle]:
    pairs = small_pairs()
    run = dataclasses.replace(writer_preset("write-tiny"), epochs=5, reconstruct=4, batch_steps=96)
    trained = train_writer(pairs[NUM_HELD_OUT:], {"dev": pairs[:NUM_HELD_OUT]}, run, Path(_FOLDER.name) / "run")
    bundle = export_writer(trained, Path(_FOLDER.name) / "tiny-writer")
    return trained, fit_bundle(bundle, pairs[:NUM_HELD_OUT], bundle.path)
