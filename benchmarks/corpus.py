"""How fast is a corpus built, stage by stage, and how far is that from only reading and parsing the files?

    python benchmarks/corpus.py [SOURCE...] [--files N] [--json]

Sources are folders or archives; without any, the standard library. One process on one core, CPU time, the same files
for every row. The floor reads the files and parses them with tree-sitter, which any cleaning by syntax tree must do.
The peers: Python's own parser for parsing, and datasketch for near-duplicates, in place of rensa.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import json
import platform
import random
import sys
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from context import commit, cpu, take_one_core

from codling.corpus.clean import CleanConfig, Cleaned, Parsed, clean_parsed, decode, parse
from codling.corpus.dedup import NUM_PERMUTATIONS, SHINGLE, Index, signature
from codling.corpus.filters import FilterConfig, drop_by_path, drop_by_text, drop_generated
from codling.corpus.languages import language_named
from codling.corpus.readers import ReadLimits, read_source
from codling.corpus.secrets import find_secrets
from codling.corpus.shards import write_shards
from codling.corpus.sources import Request, fetch
from codling.corpus.workers import GC_THRESHOLD
from codling.vocab import CharVocab

ROOT = Path(__file__).resolve().parent.parent
PYTHON = language_named("python")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", default=[sysconfig.get_path("stdlib")])
    parser.add_argument("--files", type=int, default=1_000, help="so many Python files, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    gc.set_threshold(GC_THRESHOLD)
    core = take_one_core()

    files, read_s = _timed(lambda: _read(options.sources))
    read_mb_s = sum(map(len, files.values())) / 1e6 / read_s
    if len(files) > options.files:
        names = random.Random(options.seed).sample(sorted(files), options.files)
        files = {name: files[name] for name in sorted(names)}
    rows = _stages(files, read_mb_s)
    report = {
        "command": " ".join(["python", "benchmarks/corpus.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": f"{cpu()}, one core{'' if core is None else f' (number {core})'}, {platform.platform()}",
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("tree-sitter", "tree-sitter-python", "rensa", "datasketch", "pyarrow")},
        "seed": options.seed,
        "files": len(files),
        "mb": round(sum(map(len, files.values())) / 1e6, 1),
        "rows": rows,
    }
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print(report)


def _read(specs: list[str]) -> dict[str, bytes]:
    found = {}
    for spec in specs:
        for file in read_source(fetch(Request(spec)), ReadLimits()):
            if file.path.endswith(".py") and file.problem is None:
                found[f"{spec}: {file.path}"] = file.data
    return found


def _stages(files: dict[str, bytes], read_mb_s: float) -> list[dict[str, Any]]:
    """Run one stage after the other over all files, so that each is timed alone."""
    raw_mb = sum(map(len, files.values())) / 1e6
    rows: list[dict[str, Any]] = []

    def row(stage: str, seconds: float, peer: str = "", peer_s: float = 0.0) -> None:
        rows.append(
            {"stage": stage, "seconds": seconds, "mb_per_s": raw_mb / seconds}
            | ({"peer": peer, "times_the_peer": peer_s / seconds} if peer else {})
        )

    configs, filters = CleanConfig(), FilterConfig()
    row("read (and unpack)", raw_mb / read_mb_s)
    sources, decode_s = _timed(lambda: {name: decode(data, PYTHON) for name, data in files.items()})
    texts = {name: source for name, source in sources.items() if isinstance(source, bytes)}
    trees, parse_s = _timed(lambda: {name: parse(source, PYTHON) for name, source in texts.items()})
    _, bare_s = _timed(lambda: [PYTHON.parser().parse(source) for source in texts.values()])
    _, ast_s = _timed(lambda: [_try_ast(source) for source in texts.values()])
    row("decode", decode_s)
    row("parse (and query)", parse_s, "ast.parse", ast_s)
    parsed = {name: tree for name, tree in trees.items() if isinstance(tree, Parsed)}
    cleaned, clean_s = _timed(lambda: {name: clean_parsed(tree, configs) for name, tree in parsed.items()})
    kept = {name: result.text for name, result in cleaned.items() if isinstance(result, Cleaned)}
    _, referee_s = _timed(lambda: [PYTHON.complaint(text.encode(), {}) for text in kept.values()])
    _, secrets_s = _timed(lambda: [list(find_secrets(source)) for source in texts.values()])
    row("clean: edits and layout", clean_s - referee_s - secrets_s)
    row("clean: secrets", secrets_s)
    row("clean: CPython as referee", referee_s)
    _, filter_s = _timed(
        lambda: [
            (drop_by_path(name, filters), drop_generated(parsed[name], filters), drop_by_text(text, filters))
            for name, text in kept.items()
        ]
    )
    row("filter", filter_s)
    signatures, sign_s = _timed(lambda: [signature(text) for text in kept.values()])
    _, peer_s = _timed(lambda: [_datasketch(text) for text in kept.values()])
    row("near-duplicates: signatures", sign_s, "datasketch", peer_s)
    index = Index(0.7)
    _, index_s = _timed(lambda: [index.find_or_add(one) for one in signatures])
    row("near-duplicates: index", index_s)
    vocab = CharVocab.train(kept.values())
    tokens, tokenise_s = _timed(lambda: [np.array(vocab.encode(text), np.uint16) for text in kept.values()])
    row("tokenise", tokenise_s)
    with tempfile.TemporaryDirectory() as folder:
        _, write_s = _timed(lambda: write_shards(Path(folder), "train", tokens))
        _, parquet_s = _timed(lambda: _write_parquet(Path(folder) / "text.parquet", kept.values()))
    row("write: shards", write_s)
    row("write: texts", parquet_s)
    total_s = sum(one["seconds"] for one in rows)
    row("all of it", total_s, "the floor", raw_mb / read_mb_s + bare_s)
    row("the floor: read and parse", raw_mb / read_mb_s + bare_s)
    return rows


def _try_ast(source: bytes) -> None:
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        ast.parse(source)


def _datasketch(text: str) -> Any:
    """What codling.corpus.dedup.signature does, by datasketch."""
    import re

    import datasketch

    tokens = re.findall(rb"\w+|[^\w\s]", text.encode())
    sketch = datasketch.MinHash(num_perm=NUM_PERMUTATIONS, seed=1)
    shingles = {b" ".join(shingle) for shingle in zip(*(tokens[i:] for i in range(SHINGLE)), strict=False)}
    if shingles:
        sketch.update_batch(shingles)
    return sketch


def _write_parquet(path: Path, texts: Iterable[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": list(texts)}), path, compression="zstd")


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    gc.collect()
    gc.freeze()  # what earlier stages keep alive is not there in a real build, and would be searched for circles
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def _print(report: dict[str, Any]) -> None:
    for key in ("command", "commit", "machine", "versions", "seed"):
        print(f"{key}: {report[key]}")
    print(f"{report['files']:,} Python files, {report['mb']} MB; MB/s are of the files as they were read\n")
    print(f"{'stage':<30}{'seconds':>9}{'MB/s':>9}   speed as a multiple of a peer's")
    for row in report["rows"]:
        peer = f"   {row['times_the_peer']:.2f} × {row['peer']}" if "peer" in row else ""
        print(f"{row['stage']:<30}{row['seconds']:>9.2f}{row['mb_per_s']:>9.1f}{peer}")


if __name__ == "__main__":
    main()
