"""A folder of one's own code: its cleaned files, and some of them held out so that one sees what training on the rest
gains.

There is one project only, so files are held out, not projects. Files that are related go together: those that are alike
(copies that were edited), and those of one name (``ledger.py``, ``test_ledger.py``, ``v2/ledger.py``), because a file
beside its own twin would be no surprise.
"""

# F files, P permutations

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from codling.config import from_mapping
from codling.corpus.clean import CleanConfig
from codling.corpus.dedup import NUM_PERMUTATIONS
from codling.corpus.gather import FileRow, GatherConfig, SourceChangedError, gather, gathered_rows
from codling.corpus.readers import LocalSource
from codling.corpus.sources import Request, fetch
from codling.errors import CorpusError

__all__ = ["HeldOut", "OwnCode", "OwnFile", "hold_out", "read_own_code"]

ALIKE = 0.5
"Estimated similarity (Jaccard, of five-token shingles) at which two files are related; the estimate is off by 0.044."

_MAX_READINGS = 3
_EVERYWHERE = frozenset(("__init__", "__main__", "conftest", "setup", "package-info", "module-info", "main", "utils"))
"Names that files share without having anything to do with each other."


@dataclass(frozen=True, slots=True)
class OwnFile:
    """One file after cleaning."""

    path: str
    "In the folder, with / between folders."
    language: str
    text: str
    num_lines: int
    signature: bytes
    "MinHash of the text, see codling.corpus.dedup."


@dataclass(frozen=True, kw_only=True)
class OwnCode:
    """What a folder holds."""

    name: str
    "The folder's own name."
    identity: str
    "Hash of the paths and contents of its files."
    files: tuple[OwnFile, ...]
    "By path, each text once."
    dropped: dict[str, int]
    "How many files were left out, by reason: those of codling.corpus.filters.REASONS, and languages not asked for."

    @property
    def num_lines(self) -> int:
        return sum(file.num_lines for file in self.files)


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A folder's files, dealt out."""

    train: tuple[OwnFile, ...]
    valid: tuple[OwnFile, ...]
    "Say when training should stop."
    test: tuple[OwnFile, ...]
    "Measure what it gained. The same as valid where there is too little to deal out twice."

    @property
    def is_measured_apart(self) -> bool:
        return self.valid != self.test


def read_own_code(folder: Path, languages: Sequence[str], cleaning: dict[str, Any]) -> OwnCode:
    """Read a folder's source files, cleaned as a model's training text was; .gitignore is respected.

    Args:
        folder: or an archive, or a single file.
        languages: names of those that are wanted; empty for all.
        cleaning: as a bundle's card gives it.

    Raises:
        CorpusError: there is nothing there, or it cannot be read.
    """
    if not folder.exists():
        raise CorpusError(f"there is no folder {folder}")
    config = GatherConfig(clean=from_mapping(CleanConfig, cleaning))
    with tempfile.TemporaryDirectory(prefix="codling-") as work:
        source, stem = _gathered(folder, config, Path(work))
        rows = sorted(gathered_rows(Path(work), stem), key=lambda row: row.path)
        texts = (Path(work) / f"{stem}.text").read_bytes()
    dropped = Counter(row.dropped for row in rows if row.dropped)
    files: dict[str, OwnFile] = {}
    for row in rows:
        if row.dropped:
            continue
        if languages and row.language not in languages:
            dropped[f"{row.language}, which the model does not know"] += 1
        elif row.text_sha256 in files:
            dropped["duplicate"] += 1
        else:
            files[row.text_sha256] = _file(row, texts)
    return OwnCode(
        name=folder.resolve().name, identity=_identity(source), files=tuple(files.values()), dropped=dict(dropped)
    )


def _gathered(folder: Path, config: GatherConfig, work: Path) -> tuple[LocalSource, str]:
    """Read a folder in which its owner may be writing: a few times, until it stands still for as long as that takes."""
    for _ in range(_MAX_READINGS - 1):
        source = fetch(Request(str(folder)))
        with contextlib.suppress(SourceChangedError):
            return source, gather(source, config, work)
    source = fetch(Request(str(folder)))
    return source, gather(source, config, work)


def _file(row: FileRow, texts: bytes) -> OwnFile:
    text = texts[row.offset : row.offset + row.length].decode()
    return OwnFile(row.path, row.language, text, row.num_lines, row.signature)


def _identity(source: LocalSource) -> str:
    return hashlib.sha256(source.identity.encode()).hexdigest()


def hold_out(files: Sequence[OwnFile], *, share: float, max_chars: int, seed: int) -> HeldOut:
    """Deal files out: most to train, some to say when to stop, as many to measure; related ones stay together.

    A file keeps its place when others come or go, as far as their number allows.

    Args:
        share: of all characters, held out for both together. One file at least; and as families are not parted, up to
            three times as much where they are large.
        max_chars: that are held out for each of the two.

    Raises:
        CorpusError: there are not two files.
    """
    if len(files) < 2:
        raise CorpusError(
            f"at least two files are needed, one to learn from and one to measure with; found {len(files)}"
        )
    families = _families(files)
    if len(families) == 1:  # all are related: a file out of the family says more than none
        families = [[file] for file in families[0]]
    families.sort(key=lambda family: min(_draw(file.path, seed) for file in family))
    budget = min(share * sum(len(file.text) for file in files), 2 * max_chars) / 2
    held: list[list[list[OwnFile]]] = [[], []]
    train: list[OwnFile] = []
    sizes = [0, 0]
    for family in families:
        size = sum(len(file.text) for file in family)
        into = int(sizes[1] < sizes[0])
        # A family larger than all that may be held out would leave a lopsided rest; it is learned from.
        if sizes[into] < budget and size <= 2 * budget:
            held[into].append(family)
            sizes[into] += size
        else:
            train += family
    if not held[0]:  # only large families: the smallest measures
        smallest = min(families, key=lambda family: sum(len(file.text) for file in family))
        held[0].append(smallest)
        train = [file for family in families if family is not smallest for file in family]
    valid, test = ([file for family in part for file in family] for part in held)
    if not train:  # two or three small files: one measures, the others are learned from
        train, valid, test = [*test, *valid[1:]], valid[:1], []
    return HeldOut(train=tuple(train), valid=tuple(valid), test=tuple(test or valid))


def _families(files: Sequence[OwnFile]) -> list[list[OwnFile]]:
    """Files in groups of those that are related, directly or by way of others."""
    signatures_FP = np.frombuffer(b"".join(file.signature for file in files), "<u4").reshape(-1, NUM_PERMUTATIONS)
    parents = list(range(len(files)))

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    first: dict[str, int] = {}
    for number, file in enumerate(files):
        name = _plain_name(file.path)
        if name not in _EVERYWHERE:
            parents[root(number)] = root(first.setdefault(name, number))
        for other in np.flatnonzero(_similarity(signatures_FP[number], signatures_FP[:number]) >= ALIKE).tolist():
            parents[root(number)] = root(other)
    groups: dict[int, list[OwnFile]] = {}
    for number, file in enumerate(files):
        groups.setdefault(root(number), []).append(file)
    return list(groups.values())


def _similarity(signature_P: npt.NDArray[np.uint32], others_FP: npt.NDArray[np.uint32]) -> npt.NDArray[np.float64]:
    similarity: npt.NDArray[np.float64] = (others_FP == signature_P).mean(axis=1)
    return similarity


def _plain_name(path: str) -> str:
    """A file's name without its ending and what says that it tests, or which one of several it is."""
    name = PurePosixPath(path).stem
    name = (re.sub(r"^[Tt]ests?_|_tests?$|(?<=[a-z0-9])Tests?$", "", name) or name).lower()  # LedgerTest.java, too
    return re.sub(r"[_-]?v?\d+$", "", name) or name


def _draw(path: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{path}".encode("utf-8", "surrogateescape")).digest()
