"""Judge all gathered sources together: licences, splits, duplicates. Holds rows and signatures in memory, no texts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from codling.corpus.dedup import Index
from codling.corpus.gather import FileRow, Project, gathered_project, gathered_rows
from codling.corpus.licences import is_permissive
from codling.corpus.split import SPLITS, SplitConfig, normalised, split_of
from codling.errors import CorpusError, nearest

__all__ = ["Document", "JudgeConfig", "Progress", "Verdict", "judge"]

Stage = Literal["fetch", "gather", "judge", "write"]
Progress = Callable[[Stage, int, int], None]
"Called with a stage, how much of it is done, and how much there is."

_PRECEDENCE = ("test", "valid", "train")  # of two that are alike, the one that measures stays, or the measure leaks


@dataclass(frozen=True, kw_only=True)
class JudgeConfig:
    """How sources are weighed against each other."""

    licences: Literal["any", "permissive"] = "any"
    "permissive leaves out projects whose licence asks for more than notices, or is not known."
    near_duplicate: float = 0.7
    "Least similarity (Jaccard, of five-token shingles) at which a file is a near-duplicate; 0 keeps them all."
    split: SplitConfig = field(default_factory=SplitConfig)


@dataclass(slots=True)
class Document:
    """One file and what was decided about it."""

    row: FileRow
    project: Project
    split: str
    texts: Path
    "The file that its text lies in, at row.offset."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a corpus is made of."""

    files: list[Document]
    "Every file, kept or dropped, by project and path."
    documents: dict[str, list[Document]]
    "What is kept, by split, each in the order in which it is written: shuffled, by hash."
    projects: list[dict[str, Any]]
    counts: dict[str, Any]


def judge(
    work: Path, stems: Mapping[str, str], pins: Mapping[str, str], config: JudgeConfig, progress: Progress
) -> Verdict:
    """Decide about every file of every source.

    Args:
        stems: names of the sources' work files, and the split each is pinned to or an empty string.
        pins: splits by project name.

    Raises:
        CorpusError: a pin names no project here.
    """
    projects = {stem: gathered_project(work, stem) for stem in stems}
    by_name = _pins(projects, stems, pins)
    order = sorted(stems, key=lambda stem: (normalised(projects[stem].name), projects[stem].version, stem))
    files: list[Document] = []
    for count, stem in enumerate(order, start=1):
        project, texts = projects[stem], work / f"{stem}.text"
        excluded = config.licences == "permissive" and not is_permissive(project.licence)
        rows = sorted(gathered_rows(work, stem), key=lambda row: (row.path, row.sha256))
        for row in rows:
            if excluded and not row.dropped:
                row.dropped, row.detail = "licence", project.licence
            files.append(Document(row, project, split_of(project.name, row.path, by_name, config.split), texts))
        progress("judge", count, 2 * len(order))
    _drop_duplicates(files, config, lambda done, total: progress("judge", total + done, 2 * total))
    documents = {split: _shuffled(files, split, config.split.seed) for split in SPLITS}
    return Verdict(files, documents, _project_rows(files), _counts(files))


def _pins(projects: Mapping[str, Project], stems: Mapping[str, str], pins: Mapping[str, str]) -> dict[str, str]:
    known = {normalised(project.name) for project in projects.values()}
    by_name: dict[str, str] = {}
    wanted = [(projects[stem].name, split) for stem, split in stems.items() if split] + list(pins.items())
    for name, split in wanted:
        if normalised(name) not in known:
            raise CorpusError(
                f"cannot pin {name!r} to {split}: no source is a project of that name{nearest(name, known)}"
            )
        if by_name.setdefault(normalised(name), split) != split:
            raise CorpusError(f"{name!r} is pinned both to {by_name[normalised(name)]} and to {split}")
    return by_name


def _drop_duplicates(files: list[Document], config: JudgeConfig, progress: Callable[[int, int], None]) -> None:
    kept = [document for document in files if not document.row.dropped]
    kept.sort(key=lambda document: _PRECEDENCE.index(document.split))  # stable: by project and path within a split
    first: dict[str, Document] = {}
    index, indexed = Index(config.near_duplicate), list[Document]()
    for count, document in enumerate(kept, start=1):
        row = document.row
        same = first.setdefault(row.text_sha256, document)
        if same is not document:
            row.dropped, row.detail = "duplicate", _reference(same)
        elif config.near_duplicate:
            found = index.find_or_add(row.signature)
            if found is None:
                indexed.append(document)
            else:
                row.dropped, row.detail = "near-duplicate", f"{_reference(indexed[found[0]])} ({found[1]:.2f})"
        if count % 1_000 == 0 or count == len(kept):
            progress(count, len(kept))


def _reference(document: Document) -> str:
    return f"{document.project.name} {document.project.version}: {document.row.path}"


def _shuffled(files: list[Document], split: str, seed: int) -> list[Document]:
    """The kept documents of a split in an order that a project more or less does not change for the others."""

    def draw(document: Document) -> bytes:
        return hashlib.sha256(f"{seed}\0{document.row.text_sha256}".encode()).digest()

    kept = [document for document in files if document.split == split and not document.row.dropped]
    return sorted(kept, key=lambda document: (draw(document), document.project.name, document.row.path))


def _project_rows(files: list[Document]) -> list[dict[str, Any]]:
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for document in files:
        project, row = document.project, document.row
        entry = rows.setdefault(
            (normalised(project.name), project.version, project.spec),
            {
                "name": project.name,
                "version": project.version,
                "licence": project.licence,
                "source": project.spec,
                "origin": project.origin,
                "split": set(),
                "files": 0,
                "kept": 0,
                "lines": 0,
                "characters": 0,
            },
        )
        entry["split"].add(document.split)
        entry["files"] += 1
        if not row.dropped:
            entry["kept"] += 1
            entry["lines"] += row.num_lines
            entry["characters"] += row.num_chars
    for entry in rows.values():
        entry["split"] = "/".join(sorted(entry["split"], key=SPLITS.index))
    return list(rows.values())


def _counts(files: list[Document]) -> dict[str, Any]:
    kept = [document for document in files if not document.row.dropped]
    reasons = Counter(document.row.dropped for document in files if document.row.dropped)
    languages = Counter(document.row.language for document in kept)
    return {
        "files": len(files),
        "kept": len(kept),
        "dropped": dict(sorted(reasons.items())),
        "languages": dict(sorted(languages.items())),
        "splits": {split: _sums([d.row for d in kept if d.split == split]) for split in SPLITS},
        "removed": {
            "comments": sum(document.row.num_comments for document in kept),
            "docstrings": sum(document.row.num_docstrings for document in kept),
            "large literals": sum(document.row.num_literals for document in kept),
            "secrets masked": sum(document.row.num_masked for document in kept),
        },
    }


def _sums(rows: list[FileRow]) -> dict[str, int]:
    return {
        "files": len(rows),
        "lines": sum(row.num_lines for row in rows),
        "characters": sum(row.num_chars for row in rows),
        "bytes": sum(row.length for row in rows),
    }
