"""Do the writer's encoders serve search? Beside the encoder that ships, and BM25.

    python benchmarks/aligned_encoders.py --encoders FOLDER … [--cosqa DATA/cosqa] [--repos DATA/repo-search] [--json]

FOLDERs are what ``codling train-encoders`` writes: a description's words read by the writer's LSTM, a function's syntax
by a TreeLSTM, or the bag of its labels. ``--cosqa``: MRR and share among the first ten of 500 queries, over all
functions of the pool without their documentation, which trees do not have. ``--repos``: NDCG@10 of the repositories
in Python alone, for the trees were learnt on nothing else; each encoder by itself, over the same functions and methods.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from context import commit, cpu

import search as bench  # benchmarks/search.py: the same queries, pools and measures
from codling.search.encoder import load_encoder
from codling.search.extract import units_of
from codling.search.unit import Unit

Score = Callable[[str], Any]
"From a query to a score for each function."


def scorers(units: Sequence[Unit], folders: Sequence[Path], encoder: str) -> Iterator[tuple[str, Score]]:
    """Of functions, by each encoder and by their words."""
    from codling.trees.aligned import function_tree, load_aligned
    from codling.trees.syntax import SyntaxTree

    shipped = load_encoder(encoder)
    vectors = shipped.encode_units(units)
    yield "search's encoder", lambda query: vectors @ shipped.encode_queries([query])[0]
    texts = [unit.text for unit in units]
    if words := bench.peer("BM25, split and stemmed", lambda: bench.peers.bm25_scorer(texts), needed=texts):
        yield "BM25, split and stemmed", words
    trees = [function_tree(text) or SyntaxTree("module") for text in texts]
    for folder in folders:
        aligned = load_aligned(folder)
        functions = aligned.encode_functions(trees)

        def score(query: str, aligned: Any = aligned, functions: Any = functions) -> Any:
            return functions @ aligned.encode_descriptions([query])[0]

        yield folder.name, score


def cosqa(data: Path, folders: Sequence[Path], encoder: str) -> dict[str, dict[str, float]]:
    pool = json.loads((data / "code_idx_map.txt").read_text(encoding="utf-8"))
    asked = json.loads(next(data.glob("cosqa-retrieval-*.json")).read_text(encoding="utf-8"))
    numbers, codes = list(pool.values()), [bench.without_docstring(code) for code in pool]
    units = [(units_of(code, "f.py") or units_of("pass", "f.py"))[0] for code in codes]
    found = {}
    for name, score in scorers(units, folders, encoder):
        rank = bench.by_rank(score)
        ranks = [rank(bench.plain(row["doc"]), numbers.index(row["retrieval_idx"])) for row in asked]
        found[name] = {
            "MRR": 100 * float(np.mean([1 / each for each in ranks])),
            "top 10": 100 * float(np.mean([each <= bench.TOP for each in ranks])),
        }
        print(f"CoSQA, {name}: {found[name]}", file=sys.stderr)
    return found


def repositories(data: Path, folders: Sequence[Path], encoder: str) -> dict[str, dict[str, float]]:
    queries = [json.loads(line) for line in (data / "queries.jsonl").read_text(encoding="utf-8").splitlines() if line]
    found: dict[str, dict[str, float]] = {}
    with bench.unpacked(data) as folder:
        for repo in dict.fromkeys(query["repo"] for query in queries):
            texts = list(bench.texts_of(folder / repo))
            if sum(path.endswith(".py") for path, _ in texts) < len(texts) / 2:
                continue
            units = [unit for path, text in texts if path.endswith(".py") for unit in units_of(text, path)]
            units = [unit for unit in units if unit.kind in ("function", "method")]
            paths = [unit.path for unit in units]
            own = [query for query in queries if query["repo"] == repo]
            for name, score in scorers(units, folders, encoder):
                ranker = bench.by_score(paths, score)
                gains = [bench.ndcg(ranker(query["query"]), query["relevant"] + query["secondary"]) for query in own]
                found.setdefault(name, {})[repo] = float(np.mean(gains))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", type=Path, nargs="+", required=True)
    parser.add_argument("--cosqa", type=Path)
    parser.add_argument("--repos", type=Path)
    parser.add_argument("--encoder", default="search", help="name or path of search's bundle")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    sys.setrecursionlimit(10_000)  # trees are read by recursion
    missing = [path for path in [*args.encoders, args.cosqa, args.repos] if path is not None and not path.exists()]
    if missing:
        print(f"skipped: {', '.join(map(str, missing))} not there", file=sys.stderr)
        return
    result: dict[str, Any] = {"command": sys.argv, "commit": commit(), "machine": cpu()}
    if args.cosqa:
        result["cosqa"] = cosqa(args.cosqa, args.encoders, args.encoder)
    if args.repos:
        result["repos"] = repositories(args.repos, args.encoders, args.encoder)
    if args.json:
        print(json.dumps(result, indent=1))
        return
    for part, title in (("cosqa", "CoSQA, percent"), ("repos", "repositories, NDCG@10")):
        if part in result:
            bench.show(title, result[part])


if __name__ == "__main__":
    main()
