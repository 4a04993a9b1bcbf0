"""Pairs to pre-train a writer on, out of many projects: JSON Lines of descriptions with programs, and what they are of.

Only projects under permissive licences; no tests, no copies of other projects, no pair twice, none of a set that is
kept out, and of each project only a share, lest a large one teach its own words.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codling.corpus.filters import FilterConfig, drop_by_path
from codling.corpus.licences import UNKNOWN, detect_licence, is_permissive
from codling.corpus.pairs import Limits, Mined, document_pairs, source_pairs
from codling.corpus.readers import LocalSource, ReadLimits, is_metadata, read_source
from codling.corpus.split import stays_out
from codling.corpus.workers import in_order, worker_pool
from codling.errors import CorpusError
from codling.files import write_atomically, write_text_atomically

__all__ = ["PairsConfig", "excluded_keys", "mine_pairs", "pair_key"]

_TESTS = re.compile(
    r"(?:^|/)(?:tests?|testing|testdata|_testing|migrations|locale)/|(?:^|/)(?:test_|conftest)|_test\.py$"
)
_DOCUMENTS = (".rst", ".md")


@dataclass(frozen=True, kw_only=True)
class PairsConfig:
    """What is taken."""

    max_per_project: int = 700
    "Pairs of one project at most, chosen by hash."
    max_file_bytes: int = 300_000
    max_files: int = 600
    "Of one project, in the order of its archive: the largest have ten thousand."
    without: tuple[str, ...] = ()
    "Projects that stay out by name, or by a part of it between hyphens."
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True)
class _Found:
    project: str
    version: str
    licence: str
    origin: str
    pairs: list[Mined]
    beyond: int = 0
    failed: str = ""


def mine_pairs(
    out: Path,
    sources: Sequence[LocalSource],
    config: PairsConfig,
    *,
    excluded: Iterable[str] = (),
    failed: Mapping[str, str] | None = None,
    num_workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write rows ``{"text", "code", "kind", "project"}`` to OUT, and beside it, with the suffix ``.about.json``, what
    every project gave and what was left out, which is also returned.

    Args:
        excluded: keys (``pair_key``) of descriptions and of programs that stay out.
        failed: sources that could not even be fetched, and why.

    Raises:
        CorpusError: nothing was found at all.
    """
    seen = set(excluded)
    kinds: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    projects: list[dict[str, Any]] = []
    failed = dict(failed or {})
    done = 0
    with write_atomically(out) as file, worker_pool(num_workers) as pool:
        work = functools.partial(_of_project, config)
        for source, found in zip(sources, in_order(pool, work, sources, 4 * num_workers), strict=True):
            done += 1
            if progress is not None:
                progress(done, len(sources))
            if found.failed:
                failed[source.spec] = found.failed
                continue
            kept = 0
            for pair in found.pairs:
                key = pair_key(pair.text + "\0" + pair.code)
                if key in seen or pair_key(pair.text) in seen:
                    left_out["duplicate or excluded"] += 1
                    continue
                seen.add(key)
                kept += 1
                kinds[pair.kind] += 1
                row = {"text": pair.text, "code": pair.code, "kind": pair.kind, "project": found.project}
                file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
            left_out["beyond the project's share"] += found.beyond
            if not is_permissive(found.licence):
                left_out["projects by licence or name"] += 1
            projects.append(
                {"name": found.project, "version": found.version, "licence": found.licence, "origin": found.origin}
                | {"pairs": kept}
            )
        if not kinds:
            raise CorpusError(f"no pairs under a permissive licence in {len(sources)} sources")
    said = {
        "pairs": sum(kinds.values()),
        "kinds": dict(kinds.most_common()),
        "left_out": dict(left_out.most_common()),
        "projects": sorted(projects, key=lambda row: str(row["name"])),
        "failed": failed,
    }
    write_text_atomically(out.with_suffix(".about.json"), json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    return said


def excluded_keys(path: Path) -> Iterator[str]:
    """Keys of the descriptions of a file of pairs, JSON Lines of ``{"text": …}``.

    Raises:
        CorpusError: it cannot be read, or is of another form.
    """
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            yield pair_key(json.loads(line)["text"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"{path} is no file of pairs to keep out ({error})") from None


def pair_key(text: str) -> str:
    """By which descriptions, and pairs, are compared: letters and digits only."""
    return hashlib.blake2b(re.sub(r"\W+", " ", text.lower()).strip().encode(), digest_size=12).hexdigest()


def _of_project(config: PairsConfig, source: LocalSource) -> _Found:
    name = source.name or re.split(r"[-_](?=\d)|\.tar|\.zip|\.tgz", source.path.name, maxsplit=1)[0]
    found = _Found(name, source.version, UNKNOWN, source.origin or source.path.name, [])
    if stays_out(name, config.without):
        return found
    metadata: dict[str, str] = {}
    pairs: dict[str, Mined] = {}
    try:
        num_files = 0
        for raw in read_source(source, ReadLimits(), config.max_file_bytes, wanted=_is_wanted):
            if is_metadata(raw.path):
                metadata[raw.path] = raw.data.decode("utf-8", "replace").removeprefix("\ufeff")
                continue
            if raw.problem is not None or _TESTS.search(raw.path) or drop_by_path(raw.path, FilterConfig()):
                continue
            num_files += 1
            if num_files > config.max_files:
                continue
            text = raw.data.decode("utf-8", "replace")
            mined = document_pairs if raw.path.endswith(_DOCUMENTS) else source_pairs
            for pair in mined(text, config.limits):
                pairs.setdefault(pair_key(pair.code), pair)  # of a project, each program once
    except CorpusError as error:
        found.failed = str(error)
        return found
    found.licence = detect_licence(metadata)
    if not is_permissive(found.licence):
        return found
    chosen = sorted(pairs)  # by hash
    found.beyond = max(0, len(chosen) - config.max_per_project)
    found.pairs = [pairs[key] for key in chosen[: config.max_per_project]]
    return found


def _is_wanted(path: str) -> bool:
    return path.endswith((".py", *_DOCUMENTS)) or is_metadata(path)
