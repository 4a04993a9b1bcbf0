"""Lanes: every token once per epoch, neighbours in time, resumable anywhere, the same by every way onto a device."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.corpus.shards import ShardSet
from codling.errors import TrainingError
from codling.training.batches import Feed, Lanes
from codling.vocab import CharVocab


def shards_of(lengths: list[int]) -> ShardSet:
    """Shards whose tokens are 0, 1, 2 …, so that a token names its place in the stream."""
    stream = np.arange(sum(lengths), dtype=np.uint16)
    parts = np.split(stream, np.cumsum(lengths)[:-1])
    return ShardSet(folder=Path("corpus"), split="train", vocab=CharVocab(), shards=tuple(parts))


layouts = st.tuples(
    st.lists(st.integers(0, 40), min_size=1, max_size=4).filter(lambda lengths: sum(lengths) >= 8),
    st.integers(1, 8),
    st.integers(1, 12),
    st.none() | st.integers(0, 2**40),
)


@given(layouts, st.integers(0, 3))
def test_every_token_is_a_target_once_per_epoch(layout, epoch):
    lengths, batch, window, seed = layout
    lanes = Lanes(shards_of(lengths), batch=batch, window=window, seed=seed)
    targets = Counter()
    for step in range(epoch * lanes.steps_per_epoch, (epoch + 1) * lanes.steps_per_epoch):
        assert lanes.epoch(step) == epoch
        inputs_BT, targets_BT = lanes.window(step)
        assert inputs_BT.shape == targets_BT.shape and inputs_BT.size == lanes.num_targets(step)
        # The circle: what follows a token is the next one, and the first follows the last.
        assert ((inputs_BT + 1) % lanes.num_tokens == targets_BT).all()
        targets.update(targets_BT.flatten().tolist())
    assert set(targets.values()) == {1}
    assert lanes.num_tokens - len(targets) == lanes.num_tokens % batch


@given(layouts)
def test_a_lane_goes_on_where_its_last_window_ended(layout):
    lengths, batch, window, seed = layout
    lanes = Lanes(shards_of(lengths), batch=batch, window=window, seed=seed)
    for step in range(1, 2 * lanes.steps_per_epoch):
        if not lanes.starts_epoch(step):
            assert (lanes.window(step - 1)[1][:, -1] == lanes.window(step)[0][:, 0]).all()


@settings(deadline=None)
@given(layouts, st.integers(0, 30))
def test_every_way_onto_a_device_gives_the_same_windows_from_any_step(layout, first):
    lengths, batch, window, seed = layout
    lanes = Lanes(shards_of(lengths), batch=batch, window=window, seed=seed)
    steps = range(first, first + lanes.steps_per_epoch + 1)
    expected = [lanes.window(step) for step in steps]
    for way in ("resident", "ahead", "as_needed"):
        feed = Feed(lanes, torch.device("cpu"), way)
        found = list(feed.read(steps.start, steps.stop))
        assert len(found) == len(expected)
        for (inputs_BT, targets_BT), (inputs, targets) in zip(found, expected, strict=True):
            assert inputs_BT.dtype == targets_BT.dtype == torch.int64
            assert (inputs_BT.numpy() == inputs).all() and (targets_BT.numpy() == targets).all()


def test_ids_above_32767_survive_the_way_through_int16():
    shards = ShardSet(
        folder=Path("corpus"), split="train", vocab=CharVocab(), shards=(np.array([65535, 32768, 0, 1], np.uint16),)
    )
    lanes = Lanes(shards, batch=1, window=4, seed=None)
    (inputs_BT, targets_BT), *_ = Feed(lanes, torch.device("cpu"), "resident").read(0, 1)
    assert inputs_BT.tolist() == [[65535, 32768, 0, 1]] and targets_BT.tolist() == [[32768, 0, 1, 65535]]


def test_epochs_start_elsewhere_and_the_seed_decides_where():
    lanes = Lanes(shards_of([5_000]), batch=2, window=10, seed=1)
    offsets = [lanes.offset(epoch) for epoch in range(20)]
    assert len(set(offsets)) > 15
    assert offsets == [Lanes(shards_of([5_000]), batch=2, window=10, seed=1).offset(epoch) for epoch in range(20)]
    assert offsets != [Lanes(shards_of([5_000]), batch=2, window=10, seed=2).offset(epoch) for epoch in range(20)]


def test_a_feed_that_is_left_early_ends_its_thread():
    import threading

    lanes = Lanes(shards_of([5_000]), batch=2, window=10, seed=1)
    windows = Feed(lanes, torch.device("cpu"), "ahead").read(0, None)
    next(windows)
    windows.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "codling-read-ahead"]


@pytest.mark.parametrize("lengths, batch", [([0], 1), ([1], 1), ([5], 6)])
def test_too_little_data_is_one_clear_line(lengths, batch):
    with pytest.raises(TrainingError, match=r"too few for .* lanes; lower loop.batch_size"):
        Lanes(shards_of(lengths), batch=batch, window=4, seed=0)
