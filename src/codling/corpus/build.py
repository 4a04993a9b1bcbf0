"""Build a corpus: fetch the sources, gather each, then judge them together, and write what training reads.

OUT holds, when it is done::

    corpus.json       what is in it, written last: without it, OUT is unfinished
    vocab.json        the vocabulary
    shards/           token ids, by split
    text/             the same documents as text, in the same order (Parquet)
    manifest.parquet  every file, kept or dropped, and why
    report.html       counts and plots for people
    work/             what was done with each source, so that an interrupted or a changed build goes on from there
"""

from __future__ import annotations

import concurrent.futures
import importlib.util
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codling.config import to_mapping
from codling.corpus.gather import GatherConfig, gather, stem, storable
from codling.corpus.git import without_password
from codling.corpus.judge import JudgeConfig, Progress, Verdict, judge
from codling.corpus.readers import LocalSource
from codling.corpus.shards import FORMAT, vocab_row
from codling.corpus.sources import Request, fetch_all
from codling.corpus.split import SPLITS
from codling.corpus.workers import worker_pool
from codling.corpus.write import texts_of, write_documents, write_manifest
from codling.errors import CorpusError
from codling.files import sweep, write_text_atomically
from codling.hold import only_one
from codling.vocab import CharVocab, Vocab, read_vocab

__all__ = ["BuildConfig", "Progress", "build_corpus"]

_SOURCES = "sources.json"


def _silent(stage: str, done: int, total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """Everything that decides what a corpus holds, besides its sources."""

    gather: GatherConfig = field(default_factory=GatherConfig)
    judge: JudgeConfig = field(default_factory=JudgeConfig)


def build_corpus(
    out: Path,
    requests: Sequence[Request],
    config: BuildConfig,
    *,
    pins: Mapping[str, str] | None = None,
    vocab: Path | None = None,
    index_urls: Sequence[str] = (),
    num_workers: int | None = None,
    keep_going: bool = False,
    progress: Progress = _silent,
) -> dict[str, Any]:
    """Build a corpus and return its index, which is what corpus.json holds.

    The same sources and configuration give the same bytes, whatever the number of workers, and however often the
    build was stopped in between.

    Args:
        out: a new folder, or one that a build was made in before.
        pins: splits by project name; they win over the seeded draw.
        vocab: a vocabulary to use; None makes one of the characters of the training split.
        index_urls: package indexes for pypi: sources.
        num_workers: processes; None for one per core.
        keep_going: leave out a source that cannot be had, and record it, instead of stopping.

    Raises:
        CorpusError: a source cannot be had, a pin names no project, out holds something else or cannot be written, or
            another process builds there.
    """
    _check_out(out)
    _check_installed()
    try:
        with only_one(out / "work", CorpusError(f"another process builds {out}; wait for it, or name another folder")):
            return _build(out, requests, config, pins or {}, vocab, index_urls, num_workers, keep_going, progress)
    except OSError as error:
        raise CorpusError(f"cannot build {out}: {error}; when that is mended, the same command goes on") from error


def _build(
    out: Path,
    requests: Sequence[Request],
    config: BuildConfig,
    pins: Mapping[str, str],
    vocab: Path | None,
    index_urls: Sequence[str],
    num_workers: int | None,
    keep_going: bool,
    progress: Progress,
) -> dict[str, Any]:
    known_vocab = read_vocab(vocab) if vocab is not None else None
    if known_vocab is not None and known_vocab.size > 1 << 16:
        raise CorpusError(f"{vocab} has {known_vocab.size:,} entries; shards hold at most {1 << 16:,}")
    work = out / "work"
    sweep(out, work, out / "shards", out / "text")
    if (out / "corpus.json").exists():
        (work / _SOURCES).unlink(missing_ok=True)
    sources, failed = fetch_all(
        requests, work / _SOURCES, index_urls, lambda done, total: progress("fetch", done, total)
    )
    _stop_if(failed, keep_going)
    num_workers = num_workers or os.cpu_count() or 1
    with worker_pool(num_workers) as pool:
        stems = _gather_all(sources, config.gather, work, pool, progress, failed)
        _stop_if(failed, keep_going)
        if not stems:
            raise CorpusError("there is no source to build a corpus from")
        verdict = judge(work, stems, pins, config.judge, progress)
        (out / "corpus.json").unlink(missing_ok=True)  # from here on, what lies in out is no longer the old corpus
        made = known_vocab or _train_vocab(verdict)
        write_text_atomically(out / "vocab.json", json.dumps(made.to_json(), ensure_ascii=False) + "\n")
        splits = write_documents(out, verdict, made, pool, 2 * num_workers, progress)
    write_manifest(out / "manifest.parquet", verdict)
    index = _index(config, verdict, splits, made, failed)
    from codling.corpus.report import write_report

    write_report(out / "report.html", index, verdict)
    _prune(out, stems, splits)
    write_text_atomically(out / "corpus.json", json.dumps(index, indent=1, ensure_ascii=False) + "\n")
    (work / _SOURCES).unlink(missing_ok=True)
    return index


def _check_installed() -> None:
    missing = [name for name in ("pyarrow", "rensa", "matplotlib") if importlib.util.find_spec(name) is None]
    if missing:
        raise CorpusError(f"building a corpus needs {' and '.join(missing)}: pip install 'codling[train]'")


def _stop_if(failed: dict[str, str], keep_going: bool) -> None:
    if failed and not keep_going:
        _, message = min(failed.items())
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise CorpusError(f"{message}{more}; --keep-going leaves out what cannot be had")


def _check_out(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out} is a file; name a folder for the corpus")
    if out.is_dir() and any(out.iterdir()) and not (out / "corpus.json").is_file() and not (out / "work").is_dir():
        raise CorpusError(f"{out} holds something that is no corpus; name a new folder, or an older corpus's")


def _gather_all(
    sources: Sequence[tuple[Request, LocalSource]],
    config: GatherConfig,
    work: Path,
    pool: concurrent.futures.Executor,
    progress: Progress,
    failed: dict[str, str],
) -> dict[str, str]:
    """Gather every source, the largest first so that none is left over at the end; stems and their split pins."""
    pins: dict[str, str] = {}
    by_stem: dict[str, LocalSource] = {}
    for request, source in sources:
        name = stem(source, config)
        if request.split and pins.get(name) and pins[name] != request.split:
            raise CorpusError(f"{source.spec} is pinned both to {pins[name]} and to {request.split}")
        pins[name] = request.split or pins.get(name, "")
        by_stem[name] = source
    largest_first = sorted(by_stem.items(), key=lambda item: -item[1].num_bytes)
    waiting = {pool.submit(gather, source, config, work): name for name, source in largest_first}
    for count, done in enumerate(concurrent.futures.as_completed(waiting), start=1):
        name = waiting[done]
        try:
            done.result()
        except CorpusError as error:
            failed[by_stem[name].spec] = str(error)
            del pins[name]
        progress("gather", count, len(waiting))
    return dict(sorted(pins.items()))


def _train_vocab(verdict: Verdict) -> Vocab:
    return CharVocab.train(texts_of(verdict.documents["train"]))


def _index(
    config: BuildConfig, verdict: Verdict, splits: dict[str, Any], vocab: Vocab, failed: dict[str, str]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "splits": splits,
        "vocab": vocab_row(vocab),
        "seed": config.judge.split.seed,
        "cleaning": to_mapping(config.gather.clean),
        "config": to_mapping(config),
        "counts": verdict.counts,
        "projects": verdict.projects,
        "failed": [
            {"source": storable(without_password(spec)), "error": storable(message)}
            for spec, message in sorted(failed.items())
        ],
    }


def _prune(out: Path, stems: Iterable[str], splits: dict[str, Any]) -> None:
    """Remove what belongs to sources, splits or shards that are no longer there."""
    kept = {f"{name}{suffix}" for name in stems for suffix in (".text", ".parquet")}
    for path in (out / "work").iterdir():
        if path.suffix in (".text", ".parquet") and path.name not in kept:
            path.unlink()
    shards = {row["file"] for split in splits.values() for row in split["shards"]}
    for path in (out / "shards").glob("*.npy"):
        if f"shards/{path.name}" not in shards:
            path.unlink()
    for path in (out / "text").glob("*.parquet"):
        if path.stem not in SPLITS:
            path.unlink()
