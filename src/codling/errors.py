"""Every error that codling raises for something its user can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BundleError",
    "BusyError",
    "CancelledError",
    "CodlingError",
    "ConfigError",
    "CorpusError",
    "InputError",
    "ShapeError",
    "TaskError",
    "TrainingError",
    "nearest",
]


class CodlingError(Exception):
    """A user's mistake, or damaged data: the message says what, where, and the remedy, in one line.

    The command line prints it on stderr and exits with 2; the server answers with a 4xx.
    """


class ConfigError(CodlingError):
    """An unknown key, or a value out of its range, in a configuration."""


class BundleError(CodlingError):
    """A bundle that is missing, damaged, or of a format that this version does not read."""


class CorpusError(CodlingError):
    """A source that cannot be gathered, or a corpus that is missing or damaged."""


class InputError(CodlingError):
    """A request that cannot be answered as it stands: too large, not text, outside the file."""


class ShapeError(CodlingError):
    """An array whose shape does not fit the model, for example a state made for another batch size."""


class TaskError(CodlingError):
    """A task for programs to be learned from whose environment or programs are not as they must be."""


class TrainingError(CodlingError):
    """A run that cannot start or go on: no data, a checkpoint of another configuration, a loss that is not finite."""


class BusyError(CodlingError):
    """More requests than the server takes at once."""


class CancelledError(CodlingError):
    """Nobody waits for this answer any more: a newer request took its place, or the client went away."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which of the known words was probably meant, as the tail of an error message; empty when none is near."""
    known = list(known)
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if found:
        return f"; did you mean {found[0]!r}?"
    return f"; known: {', '.join(sorted(known))}" if known and len(known) <= 12 else ""
