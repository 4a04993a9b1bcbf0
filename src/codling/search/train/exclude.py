"""What must not be trained on: the code that search is measured with, and near copies of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from codling.corpus.dedup import Index, signature
from codling.corpus.readers import list_folder
from codling.errors import CorpusError
from codling.search.extract import units_of
from codling.search.languages import language_of
from codling.search.train.summary import summary_of
from codling.search.unit import Unit

__all__ = ["Excluded", "read_excluded"]

SIMILARITY = 0.5
"Of the sets of five-token shingles (Jaccard, estimated) from which on a unit counts as a copy of an excluded one."

_MIN_TOKENS = 12  # shorter bodies, ``return self._x``, are alike everywhere and give nothing away
_SAID = 60  # characters of a summary that must agree, together with the name


class Excluded:
    """Units that must stay out, asked whether another is one of them or nearly so."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._index = Index(SIMILARITY)
        self._said: set[tuple[str, str]] = set()
        self.num_units = 0
        for unit in units:
            self.num_units += 1
            if len(unit.code.split()) >= _MIN_TOKENS:
                self._index.find_or_add(signature(unit.code))
            if unit.doc:
                self._said.add(_said(unit))

    def __contains__(self, unit: Unit) -> bool:
        """Whether its code is nearly that of an excluded unit, or name and beginning of the summary are the same."""
        if not self.num_units:
            return False
        if unit.doc and _said(unit) in self._said:
            return True
        return len(unit.code.split()) >= _MIN_TOKENS and self._index.find(signature(unit.code)) is not None


def _said(unit: Unit) -> tuple[str, str]:
    return unit.name, summary_of(unit.doc).lower()[:_SAID]


def read_excluded(path: Path) -> Iterator[Unit]:
    """The units of a folder of source code, of a source file, or of a JSON file with code in it.

    Args:
        path: JSON is an object whose keys are Python code, or lines of objects with ``code`` and perhaps ``language``
            (a suffix such as ``py``).

    Raises:
        CorpusError: it cannot be read.
    """
    try:
        if path.is_dir():
            for name in list_folder(path, wanted=lambda name: language_of(name) is not None):
                yield from units_of((path / name).read_text(encoding="utf-8", errors="replace"), name)
            return
        text = path.read_text(encoding="utf-8")
        if language_of(path.name) is not None and not path.name.endswith(".json"):
            yield from units_of(text, path.name)
            return
        for number, (code, suffix) in enumerate(_rows(text)):
            yield from units_of(code, f"{number}.{suffix}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"cannot read what is to be excluded, {path}: {error}") from None


def _rows(text: str) -> Iterator[tuple[str, str]]:
    try:
        whole = json.loads(text)
    except ValueError:
        for line in text.splitlines():
            row = json.loads(line)
            yield row["code"], row.get("language", "py")
    else:
        if "code" in whole:  # JSON Lines of one line
            yield whole["code"], whole.get("language", "py")
        else:
            yield from ((code, "py") for code in whole)
