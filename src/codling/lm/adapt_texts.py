"""The texts of an adaptation: one's own code dealt out, other code against forgetting, and other code to measure on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codling.bundle import Bundle
from codling.corpus.own import HeldOut, OwnCode, OwnFile, hold_out, read_own_code
from codling.corpus.shards import ShardSet, Tokens
from codling.corpus.stdlib import standard_library
from codling.errors import TrainingError
from codling.lm.adapt_config import AdaptConfig
from codling.vocab import DOC, Vocab

__all__ = ["AdaptTexts", "deal", "shards"]

_MIN_TOKENS = 4_000  # to learn from, some hundred lines; with less there is nothing that a cache would not do better
_MAX_CHARS = 75_000  # of each set that is measured: about 20,000 sub-words, read in some seconds


@dataclass(frozen=True, kw_only=True)
class AdaptTexts:
    """What is learned from, and what is measured on."""

    dealt: HeldOut
    measured: dict[str, dict[str, str]]
    "Texts by path, by what they are: held-out files of one's own first, then other code, if there is any."
    replayed: dict[str, str]
    "Other code that is mixed in, by path."
    notes: tuple[str, ...]
    "What whoever reads the figures should know."


def deal(bundle: Bundle, own: OwnCode, config: AdaptConfig, other: Path | None) -> AdaptTexts:
    """Decide which texts do what.

    Raises:
        CorpusError: other cannot be read, or there is only one file.
        TrainingError: no code in a language that the bundle knows.
    """
    card = bundle.card
    if not own.files:
        why = (
            ", ".join(f"{count} {reason}" for reason, count in sorted(own.dropped.items())) or "no source files at all"
        )
        raise TrainingError(
            f"{own.name} has no code in {' or '.join(card.languages)}, which is what {bundle.name} knows ({why}); "
            "name another bundle with --model"
        )
    dealt = hold_out(own.files, share=config.held_out, max_chars=_MAX_CHARS, seed=config.seed)
    notes = []
    if not dealt.is_measured_apart:
        notes.append("so little code that the held-out files also said when to stop: the gain looks a little better")
    if any(row.get("folder") == own.name for row in card.data.get("adapted", ())):
        notes.append(f"{bundle.name} has learned from a folder of this name before, perhaps from files held out now")
    knows_python = "python" in card.languages
    replayed: dict[str, str] = {}
    if config.replay and knows_python:
        num_chars = sum(len(file.text) for file in dealt.train)
        replayed = standard_library(
            card.cleaning, max_chars=int(num_chars * config.replay / (1 - config.replay)), part=1
        )
    if other is not None:
        code = read_own_code(other, card.languages, card.cleaning)
        drawn = sorted(code.files, key=lambda file: hashlib.sha256(file.path.encode("utf-8", "replace")).digest())
        texts, name = _up_to(drawn, 2 * _MAX_CHARS), code.name
        if not texts:
            raise TrainingError(f"{other} has no code in {' or '.join(card.languages)} to measure on")
    elif knows_python:
        texts, name = standard_library(card.cleaning, max_chars=2 * _MAX_CHARS, part=0), "Python's standard library"
    else:
        texts, name = {}, ""
    if not texts:
        notes.append("what the model forgot is not known: name other code with --other")
    measured = {"held-out files": _up_to(dealt.test, 2 * _MAX_CHARS)} | ({name: texts} if texts else {})
    return AdaptTexts(dealt=dealt, measured=measured, replayed=replayed, notes=tuple(notes))


def _up_to(files: Sequence[OwnFile], max_chars: int) -> dict[str, str]:
    """The first files, up to so many characters; one at least."""
    chosen: dict[str, str] = {}
    num_chars = 0
    for file in files:
        num_chars += len(file.text)
        if num_chars <= max_chars or not chosen:
            chosen[file.path] = file.text
    return chosen


def shards(texts: AdaptTexts, vocab: Vocab, config: AdaptConfig, folder: Path) -> tuple[ShardSet, ShardSet]:
    """Training and validation tokens, in memory: a run's folder holds nobody's code.

    Raises:
        TrainingError: too little to learn from.
    """

    def documents(parts: Iterable[str]) -> list[Tokens]:
        return [np.array([DOC, *vocab.encode(text)], np.uint16) for text in parts]

    own = documents(file.text for file in texts.dealt.train)
    num_own = sum(len(document) for document in own)
    if num_own < _MIN_TOKENS:
        num_lines = sum(file.num_lines for file in texts.dealt.train)
        raise TrainingError(
            f"{folder} has too little code to learn from: {len(own)} files of {num_lines:,} lines, "
            f"{num_own:,} {vocab.unit}s; {_MIN_TOKENS:,} are the least"
        )
    mixed = own + documents(texts.replayed.values())
    order = np.random.default_rng(config.seed).permutation(len(mixed))
    training = np.concatenate([mixed[i] for i in order])
    held = np.concatenate(documents(file.text for file in texts.dealt.valid))
    return (
        ShardSet(folder=folder, split="train", vocab=vocab, shards=(training,)),
        ShardSet(folder=folder, split="valid", vocab=vocab, shards=(held,)),
    )
