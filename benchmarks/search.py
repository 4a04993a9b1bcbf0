"""What is code search worth, and what does it cost? Beside ripgrep, BM25 over chunks (bm25s), and a sentence encoder.

    python benchmarks/search.py --repos DATA/repo-search --cosqa DATA/cosqa [--teacher WHEEL] \
        [--speed FOLDER] [--units 50000] [--json OUT.json]

``--repos`` holds queries.jsonl (repo, query, relevant, secondary) and the repositories, as folders or in repos.tar.xz:
NDCG@10 over the ranked list of units, repeats and all (gain 0 or 1, a file's rank is that of its first hit, secondary
targets count the same), mean of the repositories' means. ``--cosqa`` holds the pool and the queries of CoSQA: MRR over
all functions of the pool, without and with their documentation. ``--speed`` is a folder of source code to index, from
which mixed queries are made. What is not named is left out, and so are peers that are not installed, each with a word.

The weights of codling.search.ranking were chosen on these queries; only sets that nobody has looked at tell the rest.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import sys
import tarfile
import tempfile
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when the libraries load
    os.environ.setdefault(name, "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks" / "baselines"))

import numpy as np  # noqa: E402
import search_peers as peers  # noqa: E402
import search_speed  # noqa: E402
from context import commit, cpu  # noqa: E402

from codling.search.encoder import load_encoder  # noqa: E402
from codling.search.extract import units_of  # noqa: E402
from codling.search.index import CodeIndex  # noqa: E402

Rows = dict[str, dict[str, float]]
Ranker = Callable[[str], Sequence[str]]
"From a query to paths, best first, repeats and all."

TOP = 10
DEEP = 200  # hits that are asked for when the rank of one is wanted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repos", type=Path)
    parser.add_argument("--cosqa", type=Path)
    parser.add_argument("--teacher", type=Path, help="wheel or folder of all-MiniLM-L6-v2, the peer")
    parser.add_argument("--speed", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--units", type=int, action="append", default=[], help="sizes of the index that is asked")
    parser.add_argument("--encoder", default="search", help="name or path of the bundle")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()

    result: dict[str, Any] = {
        "command": "python benchmarks/search.py " + " ".join(sys.argv[1:]),
        "commit": commit(),
        "machine": cpu(),
        "encoder": load_encoder(options.encoder).fingerprint,
    }
    if options.repos:
        result["repos"] = measure_repos(options.repos, options.encoder, options.teacher)
        show("repositories, NDCG@10", result["repos"])
    if options.cosqa:
        result["cosqa"] = measure_cosqa(options.cosqa, options.encoder, options.teacher)
        show("CoSQA, MRR in percent", result["cosqa"])
    if options.speed:
        result["speed"] = search_speed.measure(options.speed, options.units or [50_000], options.encoder)
        show("speed", result["speed"])
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def show(title: str, rows: Rows) -> None:
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    print(f"\n{title}\n{'':34}" + "".join(f"{column:>16}" for column in columns))
    for name, row in rows.items():
        cells = (f"{row[column]:,.3f}" if column in row else "–" for column in columns)
        print(f"{name:34}" + "".join(f"{cell:>16}" for cell in cells))


# Repositories


def measure_repos(data: Path, encoder: str, teacher: Path | None) -> Rows:
    queries = [json.loads(line) for line in (data / "queries.jsonl").read_text(encoding="utf-8").splitlines() if line]
    rows: Rows = defaultdict(dict)
    categories: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with unpacked(data) as folder:
        for repo in dict.fromkeys(query["repo"] for query in queries):
            own = [query for query in queries if query["repo"] == repo]
            for name, ranker in repo_rankers(folder / repo, encoder, teacher):
                gains = [ndcg(ranker(query["query"]), query["relevant"] + query["secondary"]) for query in own]
                rows[name][repo] = float(np.mean(gains))
                for query, gain in zip(own, gains, strict=True):
                    categories[name][query["category"]].append(gain)
    for name, row in rows.items():
        row["mean"] = float(np.mean(list(row.values())))
        row.update({category: float(np.mean(gains)) for category, gains in sorted(categories[name].items())})
    return dict(rows)


def repo_rankers(root: Path, encoder: str, teacher: Path | None) -> Iterator[tuple[str, Ranker]]:
    with tempfile.TemporaryDirectory() as folder:
        index = CodeIndex.build(root, folder=Path(folder) / "index", encoder=encoder, workers=1)
        yield "codling", lambda query: [hit.path for hit in index.search(query, k=TOP).hits]
        yield "codling, words alone", lambda query: [hit.path for hit in index.search(query, k=TOP, neural=False).hits]
        index.close()
    units = [unit for path, text in texts_of(root) for unit in units_of(text, path)]
    paths = [unit.path for unit in units]
    vectors = load_encoder(encoder).encode_units(units)
    yield "codling, encoder alone", by_score(paths, lambda q: vectors @ load_encoder(encoder).encode_queries([q])[0])
    chunks = peers.chunks_of_folder(root)
    for name, make in (
        (
            "BM25, split and stemmed",
            lambda: by_score([p for p, _ in chunks], peers.bm25_scorer([t for _, t in chunks])),
        ),
        ("ripgrep, words", lambda: peers.ripgrep_ranker(root)),
        ("MiniLM over our units", lambda: by_score(paths, peers.teacher_scorer(teacher, [u.text for u in units]))),
    ):
        if ranker := peer(name, make, needed=teacher if "MiniLM" in name else root):
            yield name, ranker


def ndcg(paths: Sequence[str], targets: Sequence[str | dict[str, Any]]) -> float:
    """As the set's own scorer: binary gains, each target at the first path that is it or ends in it."""
    wanted = [target if isinstance(target, str) else target["path"] for target in targets]
    ranks = set()
    for target in wanted:
        for rank, path in enumerate(paths[:TOP]):
            if path == target or path.endswith("/" + target) or target.endswith("/" + path):
                ranks.add(rank)
                break
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(TOP, len(wanted))))
    return sum(1 / math.log2(rank + 2) for rank in ranks) / ideal


# CoSQA


def measure_cosqa(data: Path, encoder: str, teacher: Path | None) -> Rows:
    pool = json.loads((data / "code_idx_map.txt").read_text(encoding="utf-8"))
    asked = json.loads(next(data.glob("cosqa-retrieval-*.json")).read_text(encoding="utf-8"))
    numbers, codes = list(pool.values()), list(pool)
    rows: Rows = defaultdict(dict)
    for column, texts in (("stripped", [without_docstring(code) for code in codes]), ("full", codes)):
        queries = [(row["doc"], numbers.index(row["retrieval_idx"])) for row in asked]
        for name, scorer in cosqa_rankers(texts, encoder, teacher):
            ranks = [scorer(query, wanted) for query, wanted in queries]
            rows[name][f"MRR {column}"] = 100 * float(np.mean([1 / rank if rank else 0.0 for rank in ranks]))
            rows[name][f"top 10 {column}"] = 100 * float(np.mean([0 < rank <= TOP for rank in ranks]))
    return dict(rows)


def cosqa_rankers(
    texts: list[str], encoder: str, teacher: Path | None
) -> Iterator[tuple[str, Callable[[str, int], int]]]:
    """Functions from a query and the number of the right text to its rank, 0 for none."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "pool"
        root.mkdir()
        for number, text in enumerate(texts):
            (root / f"f{number:05d}.py").write_text(text, encoding="utf-8")
        index = CodeIndex.build(root, folder=Path(folder) / "index", encoder=encoder, workers=1)
        for name, neural in (("codling", True), ("codling, words alone", False)):

            def ranked(query: str, wanted: int, neural: bool = neural) -> int:
                hits = index.search(plain(query), k=DEEP, neural=neural).hits
                paths = list(dict.fromkeys(path for hit in hits for path in (hit.path, *(p for p, _ in hit.folded))))
                path = f"f{wanted:05d}.py"
                return paths.index(path) + 1 if path in paths else 0

            yield name, ranked
        index.close()
    firsts = [(units_of(text, "f.py") or units_of("pass", "f.py"))[0] for text in texts]
    loaded = load_encoder(encoder)
    vectors = loaded.encode_units(firsts)
    yield "codling, encoder alone", by_rank(lambda query: vectors @ loaded.encode_queries([query])[0])
    for name, make in (
        ("BM25, split and stemmed", lambda: by_rank(peers.bm25_scorer(texts))),
        ("MiniLM", lambda: by_rank(peers.teacher_scorer(teacher, texts))),
    ):
        if ranker := peer(name, make, needed=teacher if name == "MiniLM" else texts):
            yield name, ranker


def plain(query: str) -> str:
    """A query typed by somebody who knows no syntax of ours: what would be read as a filter is quoted away."""
    return " ".join(word.replace(":", " ").replace('"', " ") for word in query.split())


def without_docstring(code: str) -> str:
    """A function without its docstring; what does not parse loses its first triple-quoted string."""
    for text in (code, textwrap.dedent(code)):
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        lines = text.split("\n")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node):
                first = node.body[0]
                head, tail = lines[first.lineno - 1][: first.col_offset], lines[first.end_lineno :]
                rest = head + "pass" if len(node.body) == 1 else head.rstrip()
                return "\n".join([*lines[: first.lineno - 1], rest, *tail])
        return text
    for quote in ('"""', "'''"):
        before, found, after = code.partition(quote)
        inside, closed, rest = after.partition(quote)
        if found and closed and inside:
            return before + rest
    return code


# What all have in common


def by_score(paths: Sequence[str], score: Callable[[str], np.ndarray]) -> Ranker:
    def ranker(query: str) -> list[str]:
        return [paths[row] for row in np.argsort(-score(query), kind="stable")[: TOP * 5]]

    return ranker


def by_rank(score: Callable[[str], np.ndarray]) -> Callable[[str, int], int]:
    def ranker(query: str, wanted: int) -> int:
        scores = score(query)
        return 1 + int((scores > scores[wanted]).sum())

    return ranker


def peer(name: str, make: Callable[[], Any], needed: object) -> Any:
    """A peer, or None with a word on why it is left out."""
    try:
        if needed is None:
            raise FileNotFoundError("--teacher is not given")
        return make()
    except (ImportError, FileNotFoundError) as error:
        print(f"left out: {name} ({error})", file=sys.stderr)
        return None


@contextmanager
def unpacked(data: Path) -> Iterator[Path]:
    """The folder with the repositories."""
    archive = data / "repos.tar.xz"
    if not archive.is_file():
        yield data / "repos"
        return
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as stream:
            stream.extractall(folder, filter="data")
        inside = Path(folder)
        yield inside / "repos" if (inside / "repos").is_dir() else inside


def texts_of(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and ".git" not in path.parts:
            try:
                yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


if __name__ == "__main__":
    main()
