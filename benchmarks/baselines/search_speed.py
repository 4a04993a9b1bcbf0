"""What indexing and asking cost as an index grows; ripgrep over the same files beside it."""

from __future__ import annotations

import functools
import http.client
import json
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil

from codling.search.extract import units_of
from codling.search.index import CodeIndex
from codling.search.languages import language_of
from codling.search.places import index_folder
from codling.search.train.summary import summary_of

__all__ = ["measure"]

NUM_QUERIES = 200
NUM_EXACT = 40  # of them, asked also in other ways
NUM_TIMES = 5  # for what is slower than a query
SEED = 0
MAX_FILE_BYTES = 400_000


def measure(folders: Sequence[Path], sizes: Sequence[int], encoder: str) -> dict[str, dict[str, float]]:
    """One row per size: units, functions a second, bytes, milliseconds of a query."""
    rows = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as temporary:
            os.environ["CODLING_HOME"] = temporary  # where commands and servers look for the index, too
            root = (Path(temporary) / "code").resolve()
            where = index_folder(root)
            queries = link_files(folders, root, size)
            rows.update(measure_one(root, where, queries, encoder))
    return rows


def measure_one(root: Path, where: Path, queries: list[str], encoder: str) -> dict[str, dict[str, float]]:
    start = time.perf_counter()
    with CodeIndex.build(root, folder=where, encoder=encoder, workers=2) as index:
        build_s = time.perf_counter() - start
        num_units, num_bytes = index.num_units, index.num_bytes
    row = {"units": float(num_units), "units a second, 2 cores": num_units / build_s, "MB on disk": num_bytes / 1e6}
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:  # its memory is the reader's
        row |= alone.submit(ask, root, where, queries).result()
    row["one file changed, ms"] = float(np.median([reindex_ms(root, where) for _ in range(NUM_TIMES)]))
    row["over HTTP p50 ms"] = http_ms(root, queries)
    command = [sys.executable, "-m", "codling", "search", queries[0], "--root", str(root)]
    for name, options in (("start to answer, ms", ()), ("… files not looked at", ("--no-update",))):
        row[name] = median_ms(lambda options=options: run([*command, "--json", *options]), NUM_TIMES)
    rows = {f"codling, {num_units:,} units": row}
    program = shutil.which("rg")
    if program:
        words = iter([max(query.split(), key=len) for query in queries[:NUM_EXACT]])
        row = {"p50 ms": median_ms(lambda: run([program, "-F", "-l", "--", next(words), str(root)]), NUM_EXACT)}
        rows[f"ripgrep, one word, {num_units:,} units"] = row
    else:
        print("left out: ripgrep (not installed)", file=sys.stderr)
    return rows


def ask(root: Path, where: Path, queries: list[str]) -> dict[str, float]:
    """What queries take, and the memory of the process that asks them."""
    with CodeIndex.open(root, folder=where) as index:
        for query in queries[:20]:
            index.search(query)
        times = [timed_ms(lambda query=query: index.search(query)) for query in queries]
        row = {"p50 ms": float(np.median(times)), "p95 ms": float(np.percentile(times, 95))}
        row["MB memory"] = psutil.Process().memory_info().rss / 1e6
        some = [(query, max(query.split(), key=len)) for query in queries[20 : 20 + NUM_EXACT]]
        for name, made in (
            ("words alone p50 ms", [query for query, _ in some]),
            ("lang: path: p50 ms", [f"{query} lang:python path:p00" for query, _ in some]),
            ("exact string p50 ms", [f'"{word}"' for _, word in some]),
            ("expression p50 ms", [f"re:/{re.escape(word).replace('/', '.')}\\w*/" for _, word in some]),
        ):
            asked = functools.partial(index.search, neural=not name.startswith("words"))
            row[name] = float(np.median([timed_ms(functools.partial(asked, query)) for query in made]))
    return row


def http_ms(root: Path, queries: list[str]) -> float:
    """Median of a query's way to a server and back, with ten hits and their code, over one connection."""
    command = [sys.executable, "-m", "codling", "serve", "--port", "0", "--no-open", "--threads", "1"]
    with subprocess.Popen(
        [*command, "--project", str(root)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            address = urlsplit(server.stdout.readline().strip())
            connection = http.client.HTTPConnection(address.hostname or "", address.port)

            def ask(method: str, path: str, message: object = None) -> dict[str, Any]:
                connection.request(method, path, json.dumps(message), {"content-type": "application/json"})
                answer: dict[str, Any] = json.loads(connection.getresponse().read())
                return answer

            while any(repo["state"] != "ready" for repo in ask("GET", "/api/search/repos")["repos"]):
                time.sleep(0.2)  # it looks at the files for changes
            while psutil.Process(server.pid).cpu_percent(1.0) > 5:
                pass  # it reads the project for completions, too
            for query in queries[:20]:
                ask("POST", "/api/search", {"query": query, "limit": 10})
            return float(
                np.median(
                    [
                        timed_ms(lambda query=query: ask("POST", "/api/search", {"query": query, "limit": 10}))
                        for query in queries
                    ]
                )
            )
        finally:
            server.terminate()


def reindex_ms(root: Path, where: Path) -> float:
    """Time until the index has a change of one file among all that are there."""
    with CodeIndex.open(root, folder=where) as index:
        path = next(path for path in sorted(index.generation().catalogue.paths().values()) if path.endswith(".py"))
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        (root / path).unlink()  # the other end of a hard link is somebody's source
        (root / path).write_text(f"{text}\n\ndef added_{time.time_ns()}():\n    return 1\n", encoding="utf-8")
        return timed_ms(index.update)


def timed_ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def median_ms(work: Callable[[], object], times: int) -> float:
    return float(np.median([timed_ms(work) for _ in range(times)]))


def run(command: Sequence[str]) -> None:
    subprocess.run(command, capture_output=True, check=False)


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
