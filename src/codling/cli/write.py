"""codling write: programs from descriptions, one or a whole batch; with examples, programs that pass them."""

from __future__ import annotations

import json as json_module
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.batch import read_rows
from codling.cli.output import JsonOption, print_json, stderr
from codling.errors import InputError

if TYPE_CHECKING:
    from codling.write import Candidate, Writer

__all__ = ["write"]

_UNSURE = 0.5  # of 418 answers to development pairs below this score, 53 were right; docs/write.md


def write(
    description: Annotated[
        str | None, typer.Argument(help="What the program should do; - reads it from stdin.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Candidates wanted at most.")] = 1,
    beam: Annotated[int, typer.Option(help="Programs that the search follows at once.")] = 5,
    examples: Annotated[
        list[str] | None,
        typer.Option("--examples", "-e", metavar="IN=OUT", help="What it should give, as '[3, 1]=[1, 3]'; repeatable."),
    ] = None,
    seconds: Annotated[float, typer.Option(help="With examples: time for trying programs.")] = 20.0,
    batch: Annotated[
        str | None,
        typer.Option("--batch", metavar="ROWS.jsonl", help="Answer every row of a JSON Lines file (- for stdin)."),
    ] = None,
    attention: Annotated[
        bool, typer.Option("--attention", help="With --json: which words each step of a program looked at.")
    ] = False,
    model: Annotated[str, typer.Option(help="A bundle's name or path.")] = "write",
    json: JsonOption = False,
) -> None:
    """Write programs from a description; everything it says parses.

    With --examples, candidates are run in a sandbox (no files, no network, little time and memory), and only those that
    pass are printed. With --batch, reads rows {"id", "text"} and writes for each, in order, one line {"id",
    "candidates": [{"code", "score"}], "ms"}. Scores are in [0, 1], the best first; ms is the time of that row alone,
    without loading the model. A row whose text has no words, or too many, gets no candidates, and an "error".
    """
    if (description is None) == (batch is None):
        raise InputError("give either a description or --batch ROWS.jsonl")
    if batch is not None and examples:
        raise InputError("--examples go with one description, not with --batch")
    if not seconds > 0:
        raise InputError(f"--seconds must be above 0, not {seconds:g}")
    from codling.write import Writer

    if batch is not None:
        _answer_batch(batch, Writer(model), max(limit, 1), beam, attention)
        return
    assert description is not None
    text = sys.stdin.read() if description == "-" else description
    if examples:
        _search(Writer(model), text, examples, limit, seconds, json)
        return
    written = Writer(model).write(text, limit=limit, beam=beam)
    if json:
        rows = [_plain(each, attention) for each in written.candidates]
        words = {"words": list(written.words)} if attention else {}
        print_json({"model": written.model, **words, "candidates": rows, "ms": round(written.ms, 3)})
        return
    _print([(each.score, each.code) for each in written.candidates], scores=limit > 1)
    if not written.candidates:
        stderr().print("no program found")
    elif limit == 1 and written.candidates[0].score < _UNSURE:
        stderr().print(f"unsure (score {written.candidates[0].score:.2f}): -n 5 shows others", markup=False)


def _search(writer: Writer, text: str, examples: list[str], limit: int, seconds: float, json: bool) -> None:
    from codling.write.examples import search
    from codling.write.reading import read_examples

    found = search(writer, text, read_examples(examples), limit=limit, seconds=seconds)
    if json:
        print_json(
            {
                "model": found.model,
                "candidates": [_plain(tried.candidate, False) for tried in found.found],
                "nearest": [
                    _plain(tried.candidate, False) | {"passed": tried.passed, "failed": _failure(tried.failed)}
                    for tried in found.nearest
                    if not found.found
                ],
                "tried": found.num_tried,
                "ms": round(found.ms, 3),
            }
        )
    else:
        _print([(tried.candidate.score, tried.candidate.code) for tried in found.found], scores=limit > 1)
    if not found.found:
        stderr().print(f"none of {found.num_tried} programs passes all examples", markup=False)
        for tried in found.nearest:
            wrong = examples[tried.right.index(False)]
            what = f"nearest, {tried.passed} of {len(examples)} right; for {wrong!r} it {_failure(tried.failed)}"
            stderr().print(what, markup=False)
            stderr().print(tried.candidate.code, markup=False)
        raise typer.Exit(1)


def _failure(outcome: Any) -> str:
    if outcome is None:
        return ""
    return f"gave {outcome.value!r}"[:200] if outcome.stopped is None else f"was stopped: {outcome.why}"


def _print(rows: list[tuple[float, str]], *, scores: bool) -> None:
    for i, (score, code) in enumerate(rows):
        if scores:
            print(f"{'' if i == 0 else chr(10)}# {score:.3f}")
        print(code)


def _answer_batch(batch: str, writer: Writer, limit: int, beam: int, attention: bool) -> None:
    from codling.write.writer import check

    check("", limit, beam)  # now, and not at every row
    for where, row in read_rows(batch, ["text"]):
        answer: dict[str, Any]
        try:
            written = writer.write(row["text"], limit=limit, beam=beam)
        except InputError as error:  # of this text: no words, or too many
            stderr().print(f"codling: {where}: {error}", markup=False)
            answer = {"id": row["id"], "candidates": [], "ms": 0.0, "error": str(error)}
        else:
            rows = [_plain(each, attention) for each in written.candidates]
            words = {"words": list(written.words)} if attention else {}
            answer = {"id": row["id"], **words, "candidates": rows, "ms": round(written.ms, 3)}
        sys.stdout.write(json_module.dumps(answer) + "\n")  # ASCII, for an id may hold what stdout cannot encode
        sys.stdout.flush()


def _plain(candidate: Candidate, attention: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"code": candidate.code, "score": candidate.score}
    if attention:
        row["steps"] = [{"action": each.action, "weights": list(each.weights)} for each in candidate.seen()]
    return row
