"""codling search: a name, a definition or a description finds the code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.batch import read_rows
from codling.cli.index import FolderOption, NeuralOption, made
from codling.cli.output import JsonOption, print_json, stderr, stdout
from codling.errors import BusyError, CodlingError, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from codling.search.index import CodeIndexes
    from codling.search.results import Hit, Results

__all__ = ["search"]

_PATIENCE_S = 1.0  # for another process that writes the index


def search(
    query: Annotated[
        str | None,
        typer.Argument(help='Words, a name, "an exact string", re:/an expression/, lang: path: kind: repo:.'),
    ] = None,
    root: Annotated[
        list[Path] | None,
        typer.Option(
            "--root", "-r", exists=True, file_okay=False, help="Folder to search in; may be given repeatedly."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Hits wanted at most.")] = 10,
    batch: Annotated[
        str | None,
        typer.Option("--batch", metavar="QUERIES.jsonl", help="Answer every row of a JSON Lines file (- for stdin)."),
    ] = None,
    related: Annotated[
        str | None, typer.Option("--related", metavar="FILE:LINE", help="Code like the code that stands there.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each hit's score is made of.")] = False,
    lines: Annotated[int, typer.Option("--lines", min=0, max=200, help="Lines of code to show of each hit.")] = 6,
    update: Annotated[
        bool, typer.Option("--update/--no-update", help="Take up what has changed on disk before searching.")
    ] = True,
    neural: NeuralOption = None,
    folder: FolderOption = None,
    json: JsonOption = False,
) -> None:
    """Find code by what it is called, what it says, or what it does.

    Where there is no index yet, it is made first. With --batch, reads rows {"id", "query"} and writes for each, in
    order, one line {"id", "hits": [{"path", "line", "end_line", "name", "kind", "score"}], "ms"}.
    """
    if sum(asked is not None for asked in (query, batch, related)) != 1:
        raise InputError("give either a query, or --batch QUERIES.jsonl, or --related FILE:LINE")
    if folder is not None and len(root or ()) > 1:
        raise InputError("--folder holds one index; give one --root with it")
    indexes = _open(root or [Path()], folder, neural, update)
    with_meaning = neural is not False
    if batch is not None:
        _answer_batch(batch, indexes, limit, with_meaning)
        return
    if related is not None:
        results = indexes.find_related(*_place(related), k=limit)
    else:
        results = indexes.search(query or "", limit, neural=with_meaning)
    if json:
        print_json(
            {
                "query": results.query,
                "hits": [_full(hit, lines, explain) for hit in results.hits],
                "ms": round(results.ms, 3),
                "complete": results.is_complete,
            }
        )
        return
    _print(results, lines, explain, with_root=len(indexes.indexes) > 1)


def _open(roots: list[Path], folder: Path | None, neural: bool | None, update: bool) -> CodeIndexes:
    from codling.search.index import CodeIndex, CodeIndexes

    opened = []
    for root in roots:
        try:
            if update:  # an index that has vectors serves a search without them as well
                opened.append(made(root, neural=neural or None, folder=folder, wait_s=_PATIENCE_S)[0])
                continue
        except BusyError:
            stderr().print(f"{root} is being indexed by another process; searching what there is")
        opened.append(CodeIndex.open_or_build(root, folder=folder))
    return CodeIndexes(opened)


def _place(related: str) -> tuple[str, int]:
    path, colon, line = related.rpartition(":")
    if not colon or not line.isdigit() or not path:
        raise InputError(f"--related {related} names no place; write it as FILE:LINE")
    return str(Path(path).resolve()) if Path(path).exists() else path, int(line)


def _answer_batch(batch: str, indexes: CodeIndexes, limit: int, neural: bool) -> None:
    with_root = len(indexes.indexes) > 1
    for where, row in read_rows(batch, ["query"]):
        try:
            results = indexes.search(row["query"], limit, neural=neural)
        except CodlingError as error:
            raise InputError(f"{where}: {error}") from None
        hits = [_short(hit) | ({"root": str(hit.root)} if with_root else {}) for hit in results.hits]
        print_json({"id": row["id"], "hits": hits, "ms": round(results.ms, 3)}, indent=None)


def _short(hit: Hit) -> dict[str, Any]:
    return {
        "path": hit.path,
        "line": hit.line,
        "end_line": hit.end_line,
        "name": hit.name,
        "kind": hit.kind,
        "score": round(hit.score, 6),
    }


def _full(hit: Hit, lines: int, explain: bool) -> dict[str, Any]:
    row = _short(hit) | {
        "qualified_name": hit.qualified_name,
        "signature": hit.signature,
        "language": hit.language,
        "unit": hit.unit,
        "root": str(hit.root),
        "repo": hit.repo,
        "marked": list(hit.marked),
        "folded": [{"path": path, "line": line} for path, line in hit.folded],
    }
    if lines:
        snippet = hit.snippet(lines)
        row["snippet"] = {"line": snippet.line, "text": snippet.text}
    if explain:
        row["parts"] = {name: round(part, 6) for name, part in hit.parts.items()}
    return row


def _print(results: Results, lines: int, explain: bool, with_root: bool) -> None:
    console = stdout()
    for number, hit in enumerate(results.hits):
        if number and lines:
            console.print()
        _print_hit(console, hit, lines, explain, with_root)
    if not results.hits:
        stderr().print("nothing found")
    if not results.is_complete:
        stderr().print("stopped early: the expression took too long, or there is more than is shown")


def _print_hit(console: Console, hit: Hit, lines: int, explain: bool, with_root: bool) -> None:
    from rich.text import Text

    path = f"{hit.repo}/{hit.path}" if with_root else hit.path
    head = Text.assemble((path, "bold cyan"), (f":{hit.line}", "cyan"), "  ", (hit.kind, "dim"), " ")
    head.append(hit.qualified_name, "bold")
    if hit.folded:
        head.append(f"  and {len(hit.folded)} alike", "dim")
    console.print(head)
    if explain:
        parts = " + ".join(f"{name} {part:.3f}" for name, part in hit.parts.items() if part)
        console.print(Text(f"    {hit.score:.3f} = {parts}", "dim"))
    if lines:
        _print_snippet(console, hit, lines)


def _print_snippet(console: Console, hit: Hit, lines: int) -> None:
    snippet = hit.snippet(lines)
    if not console.is_terminal:  # nobody looks at colours there
        for number, text in enumerate(snippet.text.split("\n"), snippet.line):
            print(f"{number:>6}  {text}")
        return
    from rich.syntax import Syntax

    console.print(
        Syntax(
            snippet.text,
            hit.language,
            theme="ansi_dark",
            line_numbers=True,
            start_line=snippet.line,
            highlight_lines=set(snippet.marked),
            background_color="default",
        )
    )
