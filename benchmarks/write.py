"""Programs from descriptions: what they are worth, how fast they come, and whether trees lose nothing.

    python benchmarks/write.py score --model BUNDLE --pairs django-dev.jsonl … [--beam 5] [--limit N]
    python benchmarks/write.py trees FOLDER … [--language python] [--every 1]
    python benchmarks/write.py speed --pairs FILE … [--turns 3]
    python benchmarks/write.py tasks [--train 8000] [--test 300] [--epochs 8] [--depth 6]

``score`` writes a program for every pair and gives, per file: exact matches, BLEU over the corpus and the mean of
sentences, both also for candidates in the order of the search, the share that parses, the share right among all
candidates, and milliseconds per row. ``trees`` takes every file of folders to its tree, actions, and back; the judge is
``ast.dump``, or for Java what tree-sitter reads.
``speed`` trains on examples in padded batches, one by one, and by ``codling.fold``: the same network and losses.
``tasks`` trains on generated tasks with examples, beside a sequence-to-sequence network with attention, and lets both
search with the examples.
"""

from __future__ import annotations

import argparse
import ast
import json
import statistics
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from context import commit, cpu

from codling.corpus.languages import language_named
from codling.errors import InputError
from codling.trees.writing.pairs import Pair, read_pairs


def pairs_of(paths: list[Path], limit: int | None = None) -> list[Pair]:
    rows = [row for path in paths for row in read_pairs(path)]
    return [row for row in rows if isinstance(row, Pair)][:limit]


def score(args: argparse.Namespace) -> dict[str, Any]:
    from codling.trees.writing.measures import corpus_bleu, exact, sentence_bleu
    from codling.write import Writer
    from codling.write.beam import merit

    writer = Writer(args.model)
    found: dict[str, Any] = {"model": args.model, "beam": args.beam, "bytes": writer.model.num_bytes}
    for path in args.pairs:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][: args.limit]
        writer.write(rows[0]["text"], beam=args.beam)  # to warm up
        firsts, unranked, among, times, scores = [], [], 0, [], []
        for row in rows:
            written = writer.write(row["text"], beam=args.beam)
            codes = [each.code for each in written.candidates] or [""]
            firsts.append(codes[0])
            likeliest = sorted(written.candidates, key=lambda each: -merit(each.grown.score, len(each.grown.actions)))
            unranked.append(likeliest[0].code if likeliest else "")
            scores.append(written.candidates[0].score if written.candidates else 0.0)
            among += any(exact(code, row["code"]) for code in codes)
            times.append(written.ms)
        rights = [row["code"] for row in rows]
        found[path.stem] = {
            "rows": len(rows),
            "exact": 100 * sum(map(exact, firsts, rights)) / len(rows),
            "exact_among_candidates": 100 * among / len(rows),
            "corpus_bleu": corpus_bleu(firsts, rights),
            "sentence_bleu": statistics.fmean(map(sentence_bleu, firsts, rights)),
            "in_the_order_of_the_search": {
                "exact": 100 * sum(map(exact, unranked, rights)) / len(rows),
                "corpus_bleu": corpus_bleu(unranked, rights),
                "sentence_bleu": statistics.fmean(map(sentence_bleu, unranked, rights)),
            },
            "parses": 100 * sum(map(parses, firsts)) / len(rows),
            "right_by_score": trust(scores, [exact(*each) for each in zip(firsts, rights, strict=True)]),
            "p50_ms": statistics.median(times),
            "p95_ms": statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0],
        }
        if args.show:
            for row, code in zip(rows, firsts, strict=True):
                if not exact(code, row["code"]):
                    print(f"{row['text'].strip()}\n  right {row['code']!r}\n  wrote {code!r}", file=sys.stderr)
    return found


def trust(scores: list[float], rights: list[bool]) -> dict[str, str]:
    """How many answers are right of those in a range of scores."""
    found = {}
    for least, most in ((0.8, 1.01), (0.5, 0.8), (0.0, 0.5)):
        within = [right for score, right in zip(scores, rights, strict=True) if least <= score < most]
        found[f"from {least}"] = f"{sum(within)} of {len(within)}"
    return found


def parses(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return bool(code)


def trees(args: argparse.Namespace) -> dict[str, Any]:
    """In a thread with a large stack: tables that programs have written nest thousands of operators."""
    threading.stack_size(512 << 20)
    sys.setrecursionlimit(100_000)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(round_trips, args).result()


def round_trips(args: argparse.Namespace) -> dict[str, Any]:
    from codling.trees.grammar import Production, actions_of, read_source, schema_of, tree_of, write_source

    suffix, syntax = {"python": (".py", python_syntax), "java": (".java", java_syntax)}[args.language]
    schema = schema_of(args.language)
    counts: Counter[str] = Counter()
    productions: set[str] = set()
    wrong: list[str] = []
    started = time.perf_counter()
    for path in [file for folder in args.folders for file in sorted(folder.rglob(f"*{suffix}"))][:: args.every]:
        counts["files"] += 1
        try:
            source = path.read_text(encoding="utf-8")
            right = syntax(source)
        except (SyntaxError, ValueError, RecursionError):  # tests of the parser, other encodings
            counts[f"not_{args.language}"] += 1
            continue
        actions: list[Any] = []
        try:
            tree = read_source(source, args.language)
            actions = list(actions_of(tree))
            same = tree_of(schema, actions) == tree and syntax(write_source(tree, args.language)) == right
        except InputError as error:
            same = False
            print(f"{path}: {error}", file=sys.stderr)
        counts["actions"] += len(actions)
        productions.update(each.name for each in actions if isinstance(each, Production))
        counts["same" if same else "different"] += 1
        if not same:
            wrong.append(str(path))
    return {**counts, "productions": len(productions), "wrong": wrong, "s": time.perf_counter() - started}


def python_syntax(source: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.dump(ast.parse(source))


def java_syntax(source: str) -> list[tuple[str, bytes | int]]:
    """Every node's kind, with its text or how many children it has, without comments."""
    root = language_named("java").parser().parse(source.encode()).root_node
    if root.has_error:
        raise SyntaxError("tree-sitter cannot read it")
    found: list[tuple[str, bytes | int]] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        children = [child for child in node.children if not child.is_extra]
        found.append((node.type, len(children) or node.text or b""))
        waiting.extend(reversed(children))
    return found


def speed(args: argparse.Namespace) -> dict[str, Any]:
    """Training examples per second of processor time, the least disturbed of some turns."""
    import random

    import torch
    from baselines.fold_writer import fold_loss

    from codling.trees.writing.batches import Collator, in_batches, num_steps
    from codling.trees.writing.config import writer_preset
    from codling.trees.writing.lexicon import Lexicon
    from codling.trees.writing.network import WriterNet
    from codling.trees.writing.steps import example_of
    from codling.trees.writing.words import words_of

    torch.manual_seed(0)
    run = writer_preset("write")
    read = [(words_of(pair.text), pair.tree) for pair in pairs_of(args.pairs, 4_000)]
    lexicon = Lexicon.of(read, num_pieces=run.num_pieces)
    examples = [example_of(words, tree, lexicon) for words, tree in read]
    net, collate = WriterNet(lexicon, run.model), Collator(lexicon)

    def padded(batch: list[Any]) -> torch.Tensor:
        return net.loss(collate(batch)).nats

    def one_by_one(batch: list[Any]) -> torch.Tensor:
        return torch.stack([net.loss(collate([each])).nats for each in batch]).sum()

    def half(batch: list[Any]) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return net.loss(collate(batch)).nats

    runs: dict[str, Callable[[list[Any]], torch.Tensor]] = {
        "padded batches": padded,
        "padded batches, bfloat16": half,
        "fold": lambda batch: fold_loss(net, lexicon, batch),
        "one by one": one_by_one,
    }
    net.eval()  # the same numbers for all
    check = [examples[i] for i in range(0, len(examples), len(examples) // 6)]
    first = float(padded(check).detach())
    for name, loss in runs.items():
        got = float(loss(check).detach())
        assert abs(got - first) < (0.05 if "bfloat16" in name else 1e-3) * first, (name, got, first)
    net.train()
    found: dict[str, Any] = {}
    for name, loss in runs.items():
        rates = []
        for turn in range(args.turns + 1):
            batches = list(in_batches(examples, run.batch_steps, random.Random(turn), num_steps))[
                : 2 if name == "one by one" else 6
            ]
            started = time.process_time()
            for batch in batches:
                net.zero_grad()
                loss(batch).backward()  # type: ignore[no-untyped-call]
            rates.append(sum(map(len, batches)) / (time.process_time() - started))
        found[name] = max(rates[1:])
    return {
        "examples_per_s": found,
        "times_one_by_one": {name: each / found["one by one"] for name, each in found.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("score")
    command.add_argument("--model", default="write")
    command.add_argument("--pairs", type=Path, nargs="+", required=True)
    command.add_argument("--beam", type=int, default=5)
    command.add_argument("--limit", type=int)
    command.add_argument("--show", action="store_true", help="print what is not exact")
    command.set_defaults(run=score)
    command = commands.add_parser("trees")
    command.add_argument("folders", type=Path, nargs="+")
    command.add_argument("--language", choices=["python", "java"], default="python")
    command.add_argument("--every", type=int, default=1)
    command.set_defaults(run=trees)
    command = commands.add_parser("speed")
    command.add_argument("--pairs", type=Path, nargs="+", required=True)
    command.add_argument("--turns", type=int, default=3)
    command.set_defaults(run=speed)
    command = commands.add_parser("tasks")
    command.add_argument("--train", type=int, default=8_000)
    command.add_argument("--test", type=int, default=300)
    command.add_argument("--epochs", type=int, default=8)
    command.add_argument("--depth", type=int, default=6, help="operations within one another at most")
    command.add_argument("--seed", type=int, default=0)
    command.set_defaults(run=tasks)
    args = parser.parse_args()
    missing = [path for path in [*getattr(args, "pairs", []), *getattr(args, "folders", [])] if not path.exists()]
    if missing:
        print(f"skipped: {', '.join(map(str, missing))} not there", file=sys.stderr)
        return
    result = {"command": sys.argv, "commit": commit(), "machine": cpu(), "result": args.run(args)}
    print(json.dumps(result, indent=1) if args.json else json.dumps(result["result"], indent=1))


def tasks(args: argparse.Namespace) -> dict[str, Any]:
    from baselines.seq2seq_tasks import compare

    return compare(args.train, args.test, args.epochs, args.depth, args.seed)


if __name__ == "__main__":
    main()
