"""Pairs to train on: what people wrote about a function or a class, and the thing itself, out of many projects.

Only projects under permissive licences, only units with documentation, none that is or resembles what search is
measured with (codling.search.train.exclude). The result is a table with a row per unit, whose columns are the texts
that the encoder reads (codling.search.encoder.FIELDS), and a JSON file that says where everything came from and what
was left out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from codling.corpus.filters import FilterConfig, drop_by_path
from codling.corpus.licences import UNKNOWN, detect_licence, is_permissive
from codling.corpus.readers import LocalSource, ReadLimits, is_metadata, read_source
from codling.corpus.split import stays_out
from codling.errors import CorpusError
from codling.files import write_atomically, write_text_atomically
from codling.search.encoder import FIELDS, unit_fields
from codling.search.extract import units_of
from codling.search.languages import language_of
from codling.search.prepare import decode_text
from codling.search.train.exclude import Excluded
from codling.search.train.summary import summary_of
from codling.search.unit import Unit

__all__ = ["COLUMNS", "MineConfig", "mine", "read_mined"]

COLUMNS = ("project", "language", "kind", *FIELDS)
"Of the table; FIELDS as codling.search.encoder.unit_fields gives them, the documentation whole."

_KINDS = frozenset({"function", "method", "class", "interface", "enum", "type"})
_TESTS = re.compile(
    r"(?:^|/)(?:tests?|testing|testdata|spec|migrations|locale)/|(?:^|/)test_|_test\.\w+$|Tests?\.java$"
)
_NOT_SAID = re.compile(
    r"^(?:todo|fixme|deprecated|see |@|inheritdoc|\{@inheritdoc|copyright|licen[sc]e)", re.IGNORECASE
)
_DEBIAN_LICENCE = re.compile(r"^Files:\s*\*\s*$.*?^License:\s*(\S+)", re.MULTILINE | re.DOTALL)
_DEBIAN_NAMES = {
    "expat": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause",
    "apache-2.0": "Apache-2.0",
}
_DEBIAN_NAMES |= {"bsd-3-clauses": "BSD-3-Clause", "isc": "ISC", "mit": "MIT", "zlib": "Zlib", "php-3.01": UNKNOWN}


@dataclass(frozen=True, kw_only=True)
class MineConfig:
    """What is taken."""

    max_per_project: int = 3_000
    "Units of one project at most, chosen by hash; a large one otherwise teaches its own words."
    min_summary_words: int = 3
    max_code_chars: int = 3_000
    "Of the code that is kept; the encoder reads no more."
    max_file_bytes: int = 400_000
    without: tuple[str, ...] = ()
    "Projects that stay out by name."
    filters: FilterConfig = field(default_factory=FilterConfig)


@dataclass(slots=True)
class _Mined:
    rows: list[tuple[str, ...]]
    counts: Counter[str]
    project: str
    version: str
    licence: str


def mine(
    out: Path,
    sources: Sequence[LocalSource],
    config: MineConfig,
    excluded: Excluded,
    progress: Callable[[int, int], None] | None = None,
    *,
    failed: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write OUT/pairs.parquet and OUT/mined.json, and return what the latter says.

    Args:
        failed: sources that could not even be fetched, and why; for mined.json.

    Raises:
        CorpusError: nothing was found at all.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    counts: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    projects: list[dict[str, Any]] = []
    seen: set[bytes] = set()
    failed = dict(failed or {})
    with (
        write_atomically(out / "pairs.parquet") as file,
        pq.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        for number, source in enumerate(sources):
            try:
                mined = _mine_source(source, config, excluded, seen)
            except CorpusError as error:
                failed[source.spec] = str(error)
                continue
            finally:
                if progress is not None:
                    progress(number + 1, len(sources))
            counts += mined.counts
            if mined.rows:
                languages.update(row[1] for row in mined.rows)
                columns = [list(column) for column in zip(*mined.rows, strict=True)]
                writer.write_table(pa.table(columns, schema=schema))
            projects.append(
                {
                    "name": mined.project,
                    "version": mined.version,
                    "licence": mined.licence,
                    "origin": source.origin or source.path.name,
                    "units": len(mined.rows),
                }
            )
    if not languages:
        raise CorpusError(f"no documented code under a permissive licence in {len(sources)} sources")
    said = {
        "units": sum(languages.values()),
        "languages": dict(languages.most_common()),
        "left_out": dict(counts.most_common()),
        "excluded_units": excluded.num_units,
        "projects": sorted(projects, key=lambda row: str(row["name"])),
        "failed": failed,
    }
    write_text_atomically(out / "mined.json", json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    return said


def read_mined(folder: Path) -> Iterator[dict[str, list[str]]]:
    """The table of ``mine``, a few thousand rows at a time, as lists by column.

    Raises:
        CorpusError: it is not there, or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(folder / "pairs.parquet") as file:
            for batch in file.iter_batches(8_192, columns=list(COLUMNS)):
                yield batch.to_pydict()
    except (OSError, pa.ArrowException) as error:
        raise CorpusError(f"{folder} has no readable pairs ({error}); `codling search-train mine` makes them") from None


def _mine_source(source: LocalSource, config: MineConfig, excluded: Excluded, seen: set[bytes]) -> _Mined:
    metadata: dict[str, str] = {}
    known: set[bytes] = set()
    found: list[tuple[bytes, tuple[str, ...]]] = []
    counts: Counter[str] = Counter()
    name = source.name or _project_of(source.path)
    if stays_out(name, config.without):
        return _Mined([], Counter({"excluded project": 1}), name, source.version, UNKNOWN)
    for raw in read_source(source, ReadLimits(), config.max_file_bytes, wanted=_is_wanted):
        if _says_licence(raw.path):
            metadata[raw.path] = raw.data.decode("utf-8", "replace").removeprefix("\ufeff")
        elif raw.problem is None and not (_TESTS.search(raw.path) or drop_by_path(raw.path, config.filters)):
            for unit in _documented(raw.data, raw.path, config):
                reason = _unwanted(unit, excluded, seen, known)
                if reason:
                    counts[reason] += 1
                else:
                    found.append((_digest(unit.path, unit.qualified_name, unit.code), _row(name, unit, config)))
    licence = _licence(metadata)
    if not is_permissive(licence):
        return _Mined([], Counter({"licence": len(found)}), name, source.version, licence)
    seen |= known
    found.sort()
    counts["beyond the project's share"] += max(0, len(found) - config.max_per_project)
    return _Mined([row for _, row in found[: config.max_per_project]], counts, name, source.version, licence)


def _documented(data: bytes, path: str, config: MineConfig) -> Iterable[Unit]:
    text = decode_text(data)
    if text is None:
        return
    for unit in units_of(text, path):
        if unit.kind in _KINDS and unit.doc and not _NOT_SAID.match(unit.doc):
            summary = summary_of(unit.doc)
            if len(summary.split()) >= config.min_summary_words and summary.isascii():
                yield unit


def _unwanted(unit: Unit, excluded: Excluded, seen: set[bytes], known: set[bytes]) -> str:
    """Why a unit stays out; empty if it does not. What is known of it joins what is known of its own project."""
    keys = {_digest(" ".join(unit.code.split())), _digest(unit.name, summary_of(unit.doc))}
    if keys & seen or keys & known:
        return "duplicate"
    known |= keys
    return "excluded" if unit in excluded else ""


def _row(project: str, unit: Unit, config: MineConfig) -> tuple[str, ...]:
    name, place, signature, doc, code = unit_fields(unit)
    texts = (project, unit.language, unit.kind, name, place, signature, doc, code[: config.max_code_chars])
    return tuple(text.encode("utf-8", "replace").decode() for text in texts)


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _is_wanted(path: str) -> bool:
    return language_of(path) is not None or _says_licence(path)


def _says_licence(path: str) -> bool:
    pure = PurePosixPath(path)
    return is_metadata(path) or path == "package.json" or (pure.name == "copyright" and "doc" in pure.parts)


def _licence(metadata: dict[str, str]) -> str:
    """As codling.corpus.licences says, and from what npm and Debian packages say of themselves."""
    licence = detect_licence(metadata)
    if licence != UNKNOWN:
        return licence
    for path, text in metadata.items():
        if path == "package.json":
            try:
                said = json.loads(text).get("license", UNKNOWN)
            except (ValueError, AttributeError):
                continue
            return said if isinstance(said, str) else UNKNOWN
        if path.endswith("copyright") and (match := _DEBIAN_LICENCE.search(text)):
            return _DEBIAN_NAMES.get(match[1].lower(), match[1])
    return UNKNOWN


def _project_of(path: Path) -> str:
    """lodash of lodash-4.17.21.tgz, and golang-x-dev of golang-x-dev_1.2_all.tar."""
    return re.split(r"[-_](?=\d)|_|\.tar|\.tgz|\.zip", path.name, maxsplit=1)[0] or path.name
