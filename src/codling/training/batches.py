"""Windows over a token stream, in lanes, for truncated back-propagation that carries its state.

An epoch reads the concatenated shards as a circle, from a seeded offset on, cut into B lanes of equal length. Lane b of
one window goes on where lane b of the window before ended, so a recurrent state may be carried over. Where a window
stands is a function of its step number alone, which is what makes resuming exact.
"""

# B batch (lanes), T time, N tokens

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codling.corpus.shards import ShardSet, Tokens
from codling.errors import TrainingError

__all__ = ["Feed", "Lanes"]

Ids = npt.NDArray[np.int64]

Way = Literal["resident", "ahead", "as_needed"]

_RESIDENT_SHARE = 0.25
"The tokens may take this share of a GPU's free memory; what is larger is read from disk while the GPU works."

_AHEAD = 4  # windows that wait for the GPU; they are a few MB each


class Lanes:
    """Windows of a split of a corpus, by step number. Reads from disk what a window needs, and keeps nothing."""

    def __init__(self, shards: ShardSet, *, batch: int, window: int, seed: int | None) -> None:
        """Lay the lanes out.

        Args:
            batch: lanes, B.
            window: tokens per lane and window, T; the last window of an epoch may be shorter.
            seed: decides each epoch's offset; None reads every epoch from the start, as validation does.

        Raises:
            TrainingError: there are not enough tokens to fill the lanes.
        """
        self.batch, self.window_size, self.seed = batch, window, seed
        self.num_tokens = shards.num_tokens
        self.lane_length = self.num_tokens // batch
        "Tokens per lane and epoch. The N mod B tokens that are left over are others in each epoch."
        if self.num_tokens < 2 or self.lane_length < 1:
            raise TrainingError(
                f"the {shards.split} data of {shards.folder} has {self.num_tokens:,} tokens, too few for "
                f"{batch:,} lanes; lower loop.batch_size or gather more text"
            )
        self.steps_per_epoch = -(-self.lane_length // window)
        self._shards = [shard for shard in shards.shards if len(shard)]
        self._ends = np.cumsum([len(shard) for shard in self._shards])

    def epoch(self, step: int) -> int:
        """The epoch that a step belongs to, from 0."""
        return step // self.steps_per_epoch

    def starts_epoch(self, step: int) -> bool:
        """Whether a window does not go on from the one before it."""
        return step % self.steps_per_epoch == 0

    def offset(self, epoch: int) -> int:
        """Where in the stream an epoch starts."""
        if self.seed is None:
            return 0
        return int(np.random.default_rng([self.seed, epoch]).integers(self.num_tokens))

    def num_targets(self, step: int) -> int:
        """Tokens that a step predicts."""
        first = step % self.steps_per_epoch * self.window_size
        return self.batch * min(self.window_size, self.lane_length - first)

    def place(self, step: int) -> tuple[int, int]:
        """Where lane 0 of a window starts in the stream, and how many tokens it reads."""
        first = step % self.steps_per_epoch * self.window_size
        return self.offset(self.epoch(step)) + first, min(self.window_size, self.lane_length - first)

    def window(self, step: int) -> tuple[Ids, Ids]:
        """The tokens of a step and the token after each, both int64 [B, T]."""
        start, time = self.place(step)
        tokens = np.empty((self.batch, time + 1), np.int64)
        for lane in range(self.batch):
            self._read((start + lane * self.lane_length) % self.num_tokens, tokens[lane])
        return np.ascontiguousarray(tokens[:, :-1]), np.ascontiguousarray(tokens[:, 1:])

    def stream(self) -> Tokens:
        """All tokens in one array, copied into memory."""
        return np.concatenate(self._shards)

    def _read(self, start: int, out: Ids) -> None:
        done = 0
        while done < len(out):
            index = int(np.searchsorted(self._ends, start, side="right"))
            shard = self._shards[index]
            first = start - (int(self._ends[index]) - len(shard))
            part = shard[first : first + len(out) - done]
            out[done : done + len(part)] = part
            done += len(part)
            start = (start + len(part)) % self.num_tokens


class Feed:
    """Brings the windows of lanes onto a device.

    On CUDA the whole stream moves there once, when it fits, and a window is gathered by one kernel ("resident");
    otherwise a thread reads ahead into pinned memory ("ahead"). On the CPU windows are read "as_needed".
    """

    def __init__(self, lanes: Lanes, device: torch.device, way: Way | None = None) -> None:
        """Choose the way, or take the given one; "resident" copies the stream to the device here."""
        self.lanes, self.device = lanes, device
        self.way = way or _pick_way(lanes, device)
        if self.way == "resident":
            # PyTorch has few operators for uint16, so the same bits travel as int16.
            self._stream = torch.from_numpy(lanes.stream().view(np.int16)).to(device)
            lane_starts = torch.arange(lanes.batch, device=device) * lanes.lane_length
            self._index_BT = lane_starts[:, None] + torch.arange(lanes.window_size + 1, device=device)

    def read(self, first_step: int, last_step: int | None) -> Iterator[tuple[Tensor, Tensor]]:
        """Windows from first_step up to, not including, last_step (None: no end): inputs and targets, int64 [B, T]."""
        if self.way == "resident":
            return self._read_resident(first_step, last_step)
        if self.way == "ahead":
            return self._read_ahead(first_step, last_step)
        return self._read_as_needed(first_step, last_step)

    def _read_resident(self, step: int, last_step: int | None) -> Iterator[tuple[Tensor, Tensor]]:
        while last_step is None or step < last_step:
            start, time = self.lanes.place(step)
            index_BT = (self._index_BT[:, : time + 1] + start) % self.lanes.num_tokens
            tokens_BT = self._stream[index_BT].long() & 0xFFFF
            yield tokens_BT[:, :-1].contiguous(), tokens_BT[:, 1:].contiguous()
            step += 1

    def _read_as_needed(self, step: int, last_step: int | None) -> Iterator[tuple[Tensor, Tensor]]:
        while last_step is None or step < last_step:
            inputs_BT, targets_BT = (torch.from_numpy(ids) for ids in self.lanes.window(step))
            yield inputs_BT.to(self.device), targets_BT.to(self.device)
            step += 1

    def _read_ahead(self, step: int, last_step: int | None) -> Iterator[tuple[Tensor, Tensor]]:
        pinned = self.device.type == "cuda"
        waiting: queue.Queue[tuple[Tensor, Tensor] | BaseException | None] = queue.Queue(_AHEAD)
        stop = threading.Event()

        def put(item: tuple[Tensor, Tensor] | BaseException | None) -> None:
            while not stop.is_set():
                try:
                    waiting.put(item, timeout=0.1)
                    return
                except queue.Full:
                    continue

        def work() -> None:
            try:
                at = step
                while (last_step is None or at < last_step) and not stop.is_set():
                    inputs_BT, targets_BT = (torch.from_numpy(ids) for ids in self.lanes.window(at))
                    put((inputs_BT.pin_memory(), targets_BT.pin_memory()) if pinned else (inputs_BT, targets_BT))
                    at += 1
                put(None)
            except BaseException as error:
                put(error)

        thread = threading.Thread(target=work, name="codling-read-ahead", daemon=True)
        thread.start()
        try:
            while (item := waiting.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item[0].to(self.device, non_blocking=True), item[1].to(self.device, non_blocking=True)
        finally:
            stop.set()
            thread.join()


def _pick_way(lanes: Lanes, device: torch.device) -> Way:
    if device.type != "cuda":
        return "as_needed"
    free_bytes, _ = torch.cuda.mem_get_info(device)
    return "resident" if 2 * lanes.num_tokens <= _RESIDENT_SHARE * free_bytes else "ahead"
