"""What indexing and asking cost as an index grows; ripgrep over the same files beside it."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil

from codling.search.extract import units_of
from codling.search.index import CodeIndex
from codling.search.languages import language_of
from codling.search.train.summary import summary_of

__all__ = ["measure"]

NUM_QUERIES = 200
SEED = 0
MAX_FILE_BYTES = 400_000


def measure(folders: Sequence[Path], sizes: Sequence[int], encoder: str) -> dict[str, dict[str, float]]:
    """One row per size: units, functions a second, bytes, milliseconds of a query."""
    rows = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as temporary:
            root, where = Path(temporary) / "code", Path(temporary) / "index"
            queries = link_files(folders, root, size)
            rows.update(measure_one(root, where, queries, encoder))
    return rows


def measure_one(root: Path, where: Path, queries: list[str], encoder: str) -> dict[str, dict[str, float]]:
    start = time.perf_counter()
    index = CodeIndex.build(root, folder=where, encoder=encoder, workers=2)
    build_s = time.perf_counter() - start
    num_units = index.num_units
    row = {
        "units": float(num_units),
        "units a second, 2 cores": num_units / build_s,
        "MB on disk": sum(path.stat().st_size for path in where.rglob("*") if path.is_file()) / 1e6,
    }
    index.close()
    index = CodeIndex.open(root, folder=where)
    for query in queries[:20]:
        index.search(query)
    before = psutil.Process().memory_info().rss
    times = []
    for query in queries:
        start = time.perf_counter()
        index.search(query)
        times.append(1000 * (time.perf_counter() - start))
    row |= {"p50 ms": float(np.median(times)), "p95 ms": float(np.percentile(times, 95))}
    row["MB more memory"] = (psutil.Process().memory_info().rss - before) / 1e6
    index.close()
    rows = {f"codling, {num_units:,} units": row}
    program = shutil.which("rg")
    if program:
        times = []
        for query in queries[:40]:
            word = max(query.split(), key=len)
            start = time.perf_counter()
            subprocess.run([program, "-F", "-l", "--", word, str(root)], capture_output=True, check=False)
            times.append(1000 * (time.perf_counter() - start))
        rows[f"ripgrep, one word, {num_units:,} units"] = {"p50 ms": float(np.median(times))}
    else:
        print("left out: ripgrep (not installed)", file=sys.stderr)
    return rows


def link_files(folders: Sequence[Path], root: Path, size: int) -> list[str]:
    """Hard links to files until they have about so many units; and queries out of what is in them: names, descriptions
    and names among words, a third each."""
    rng = random.Random(SEED)
    files = [path for folder in folders for path in source_files(folder)]
    rng.shuffle(files)
    names: list[str] = []
    said: list[str] = []
    count = 0
    for number, path in enumerate(files):
        if count >= size:
            break
        units = units_of(path.read_text(encoding="utf-8", errors="replace"), path.name)
        count += len(units)
        for unit in units:
            if unit.name and unit.kind != "module":
                names.append(unit.name)
            if len(summary_of(unit.doc).split()) > 3:
                said.append(summary_of(unit.doc))
        to = root / f"p{number // 50:04d}" / f"{number:06d}_{path.name}"
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            to.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, to)
    third = NUM_QUERIES // 3
    mixed = [f"{rng.choice(names)} {' '.join(rng.choice(said).split()[:4])}" for _ in range(NUM_QUERIES - 2 * third)]
    queries = [*rng.choices(names, k=third), *rng.choices(said, k=third), *mixed]
    rng.shuffle(queries)
    return [query.replace('"', " ").replace(":", " ") for query in queries]


def source_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and language_of(path.name) and path.stat().st_size <= MAX_FILE_BYTES:
            yield path
