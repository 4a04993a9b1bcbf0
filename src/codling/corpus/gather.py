"""Everything that can be done with one source alone: read, parse, filter, clean, sign. Runs in a worker process.

Its result is two files in the corpus's work folder: STEM.text, the cleaned texts end to end as UTF-8, and STEM.parquet,
one row per file, written last, so that a source is done when its rows are there. Both depend on the source's content
and the options only, which is what lets an interrupted build go on where it was.
"""

from __future__ import annotations

import email.parser
import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codling.config import to_mapping
from codling.corpus.clean import CleanConfig, Dropped, clean_parsed, decode, parse
from codling.corpus.dedup import signature
from codling.corpus.filters import FilterConfig, drop_by_path, drop_by_text, drop_generated
from codling.corpus.git import without_password
from codling.corpus.languages import Language, language_of_path
from codling.corpus.licences import detect_licence
from codling.corpus.notebooks import notebook_code
from codling.corpus.readers import (
    LocalSource,
    RawFile,
    ReadLimits,
    file_identity,
    folder_identity,
    is_metadata,
    is_source,
    read_source,
)
from codling.errors import CorpusError
from codling.files import write_atomically

__all__ = [
    "GATHER_VERSION",
    "FileRow",
    "GatherConfig",
    "Project",
    "SourceChangedError",
    "gather",
    "gathered_project",
    "gathered_rows",
    "stem",
    "storable",
]

GATHER_VERSION = 2
"Raise it whenever the same source and options give other results, so that older work is not taken up again."


class SourceChangedError(CorpusError):
    """Somebody wrote to a source while it was read."""


@dataclass(frozen=True, kw_only=True)
class GatherConfig:
    """What happens to a source before it meets the others."""

    clean: CleanConfig = field(default_factory=CleanConfig)
    filters: FilterConfig = field(default_factory=FilterConfig)
    limits: ReadLimits = field(default_factory=ReadLimits)


@dataclass(frozen=True, kw_only=True)
class Project:
    """What one source says that it is."""

    name: str
    version: str
    licence: str
    "SPDX expression, or unknown."
    spec: str
    origin: str
    identity: str


@dataclass(slots=True)
class FileRow:
    """One file of a source, kept or dropped."""

    path: str
    language: str
    num_bytes: int
    sha256: str
    dropped: str = ""
    "A reason of codling.corpus.filters.REASONS; empty for a file that is kept."
    detail: str = ""
    text_sha256: str = ""
    offset: int = 0
    "Where its cleaned text begins in the texts of its source, in bytes."
    length: int = 0
    num_chars: int = 0
    num_lines: int = 0
    num_comments: int = 0
    num_docstrings: int = 0
    num_literals: int = 0
    num_masked: int = 0
    signature: bytes = b""


def stem(source: LocalSource, config: GatherConfig) -> str:
    """Name of a source's work files: it changes with the content, the options and GATHER_VERSION."""
    says = [source.kind, source.identity, source.spec, source.name, source.version, source.origin]
    key = json.dumps([GATHER_VERSION, says, to_mapping(config)])
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def gather(source: LocalSource, config: GatherConfig, folder: Path) -> str:
    """Do one source's work, unless it is done already, and return its stem.

    Raises:
        CorpusError: the source cannot be read.
        SourceChangedError: somebody wrote to it meanwhile; nothing is kept of it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = stem(source, config)
    done = folder / f"{name}.parquet"
    if done.exists():
        return name
    metadata: dict[str, str] = {}
    rows: list[FileRow] = []
    offset = 0
    with write_atomically(folder / f"{name}.text") as texts:
        for raw in read_source(source, config.limits, config.clean.max_bytes):
            if is_metadata(raw.path):
                metadata[raw.path] = raw.data.decode("utf-8", "replace").removeprefix("\ufeff")
                continue
            row, text = _one(raw, config)
            if text:
                row.offset = offset
                texts.write(text)
                offset += len(text)
            rows.append(row)
        if source.is_live and _identity_now(source) != source.identity:  # what was read belongs to neither
            raise SourceChangedError(f"{source.spec} was changed while it was read; run the command again")
    schema = _schema().with_metadata({"project": json.dumps(to_mapping(_project(source, metadata)))})
    columns = {key: [getattr(row, key) for row in rows] for key in FileRow.__slots__}
    with write_atomically(done) as file:
        pq.write_table(pa.table(columns, schema=schema), file, compression="zstd")
    return name


def gathered_project(folder: Path, name: str) -> Project:
    """What gather found a source to be."""
    import pyarrow.parquet as pq

    metadata = pq.read_schema(folder / f"{name}.parquet").metadata
    return Project(**json.loads(metadata[b"project"]))


def gathered_rows(folder: Path, name: str) -> Iterator[FileRow]:
    """The rows that gather wrote."""
    import pyarrow.parquet as pq

    columns = pq.read_table(folder / f"{name}.parquet").to_pydict()
    for values in zip(*(columns[key] for key in FileRow.__slots__), strict=True):
        yield FileRow(*values)


def _identity_now(source: LocalSource) -> str:
    return folder_identity(source.path)[0] if source.kind == "folder" else file_identity(source.path)


def _one(raw: RawFile, config: GatherConfig) -> tuple[FileRow, bytes]:
    """Judge and clean one file."""
    language = language_of_path(raw.path)
    path = storable(raw.path)
    name = language.name if language else "notebook" if is_source(raw.path) else ""
    row = FileRow(path, name, raw.num_bytes, hashlib.sha256(raw.data).hexdigest())
    problem = raw.problem or drop_by_path(raw.path, config.filters)
    if problem is None:
        result = _clean(raw.data, language, config, row)
        if isinstance(result, bytes):
            return row, result
        problem = result
    row.dropped, row.detail = problem.reason, storable(problem.detail)
    return row, b""


def storable(text: str) -> str:
    """A text as Parquet takes it: file systems hold names that are no UTF-8, and notebooks can say anything."""
    return text.encode("utf-8", "replace").decode()


def _clean(data: bytes, language: Language | None, config: GatherConfig, row: FileRow) -> bytes | Dropped:
    code: str | bytes = data
    if language is None:
        notebook = notebook_code(data)
        if isinstance(notebook, Dropped):
            return notebook
        language, code = notebook
        row.language = language.name
        if len(code) > config.clean.max_bytes:
            return Dropped("too-large", f"{len(code):,} characters of code")
    elif len(data) > config.clean.max_bytes:
        return Dropped("too-large", f"{len(data):,} bytes")
    source = decode(code, language)
    if isinstance(source, Dropped):
        return source
    parsed = parse(source, language)
    if isinstance(parsed, Dropped):
        return parsed
    generated = drop_generated(parsed, config.filters)
    if generated is not None:
        return generated
    cleaned = clean_parsed(parsed, config.clean)
    if isinstance(cleaned, Dropped):
        return cleaned
    problem = drop_by_text(cleaned.text, config.filters)
    if problem is not None:
        return problem
    text = cleaned.text.encode()
    row.text_sha256 = hashlib.sha256(text).hexdigest()
    row.length, row.num_chars, row.num_lines = len(text), len(cleaned.text), cleaned.text.count("\n")
    row.num_comments, row.num_docstrings = cleaned.num_comments, cleaned.num_docstrings
    row.num_literals, row.num_masked = cleaned.num_literals, cleaned.num_masked
    row.signature = signature(cleaned.text)
    return text


def _project(source: LocalSource, metadata: dict[str, str]) -> Project:
    info = email.parser.Parser().parsestr(metadata.get("PKG-INFO", ""), headersonly=True)
    declared: dict[str, Any] = {}
    try:
        table = tomllib.loads(metadata.get("pyproject.toml", "")).get("project")
        declared = table if isinstance(table, dict) else {}
    except (ValueError, RecursionError):  # a number of 5,000 digits is no TOMLDecodeError
        pass
    name, version = info.get("Name") or declared.get("name"), info.get("Version") or declared.get("version")
    return Project(
        name=storable(str(source.name or name or _name_of_file(source)[0])),
        version=storable(str(source.version or version or _name_of_file(source)[1])),
        licence=storable(detect_licence(metadata)),
        spec=storable(without_password(source.spec)),
        origin=storable(without_password(source.origin)),
        identity=source.identity,
    )


def _name_of_file(source: LocalSource) -> tuple[str, str]:
    """Name and version out of NAME-VERSION.tar.gz; else the file's own name."""
    if source.kind == "archive":
        base = source.path.name
        for suffix in (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".zip"):
            base = base.removesuffix(suffix)
        name, dash, version = base.rpartition("-")
        return (name, version) if dash and version[:1].isdigit() else (base, "")
    return (source.path.resolve().stem if source.kind == "file" else source.path.resolve().name), ""


def _schema() -> Any:
    import pyarrow as pa

    kinds = {"str": pa.string(), "int": pa.int64(), "bytes": pa.binary()}
    return pa.schema([(key, kinds[str(FileRow.__annotations__[key])]) for key in FileRow.__slots__])
