"""codling complete: suggestions for one place in a file, or for a whole batch of cases."""

from __future__ import annotations

import json as json_module
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from codling.cli.batch import read_rows
from codling.cli.output import JsonOption, print_json, stderr
from codling.errors import InputError

if TYPE_CHECKING:
    from codling.complete import Completer
    from codling.complete.described import ProgramWriter
    from codling.types import Completion, Kind

__all__ = ["complete"]

MAX_FILE_BYTES = 64 << 20  # a file that somebody edits is smaller
MAX_ROW_BYTES = 64 << 20


def complete(
    file: Annotated[Path | None, typer.Argument(help="File to complete in.", show_default=False)] = None,
    line: Annotated[
        int | None, typer.Option("--line", "-l", help="Line of the cursor, from 1; the last if left out.")
    ] = None,
    column: Annotated[
        int | None,
        typer.Option(
            "--column", "-c", help="Character that the cursor stands before, from 1; the line's end if left out."
        ),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option("--batch", metavar="CASES.jsonl", help="Answer every row of a JSON Lines file (- for stdin)."),
    ] = None,
    kind: Annotated[Literal["token", "line", "block"], typer.Option(help="How far a suggestion reaches.")] = "line",
    limit: Annotated[int, typer.Option("--limit", "-n", help="Suggestions wanted at most.")] = 1,
    model: Annotated[
        str | None, typer.Option(help="A bundle's name or path; by default the one for the file's language.")
    ] = None,
    sure: Annotated[
        float,
        typer.Option(help="Probability at which a line is cut short, as editors show it (0.25); 0 for whole lines."),
    ] = 0.0,
    project: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Folder of the project that the file belongs to; its others count, too."
        ),
    ] = None,
    in_comments: Annotated[
        bool, typer.Option("--in-comments", help="Suggest within comments and documentation, too.")
    ] = False,
    from_comments: Annotated[
        bool,
        typer.Option(
            "--from-comments", help="Below a comment or documentation, the program that it describes (Python)."
        ),
    ] = False,
    writer: Annotated[
        str | None, typer.Option(help="With --from-comments: the bundle that writes programs, by name or path.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Suggest how code goes on at a place in a file.

    With --batch, reads rows {"id", "language", "path"?, "prefix", "suffix"?} and writes for each, in order, one line
    {"id", "suggestions": [{"text", "score"}], "ms"}. A score is the probability of the whole text; ms is the time of
    that case alone, without loading the model. What a comment asked for has "origin": "description" besides, and its
    writer's score.
    """
    if (file is None) == (batch is None):
        raise InputError("name either a file, with --line and --column, or --batch CASES.jsonl")
    if writer is not None and not from_comments:
        raise InputError("--writer says who writes programs with --from-comments; give both, or none")
    models = _Models(model, sure, project)
    asked = _Asked(kind, limit, in_comments, _programs(writer) if from_comments else None)
    if batch is not None:
        _answer_batch(batch, models, asked)
        return
    assert file is not None
    prefix, suffix, line, column = _split(file, line, column)
    completer = models.for_text(None, str(file))
    path = str(file.resolve()) if project is not None else str(file)
    answer = completer.complete(prefix, suffix, path=path, **asked.arguments())
    if json:
        place = {"file": str(file), "line": line, "column": column, "model": answer.model}
        print_json(place | _plain(answer))
        return
    for suggestion in answer.suggestions:
        score = f"{suggestion.score:.3f}  " if limit > 1 else ""
        print(f"{score}{suggestion.text}")
    if not answer.suggestions:
        stderr().print("no suggestion")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is wanted at each place."""

    kind: Kind
    limit: int
    in_comments: bool
    programs: ProgramWriter | None

    def arguments(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "limit": self.limit,
            "in_comments": self.in_comments,
            "programs": self.programs,
        }


def _programs(writer: str | None) -> ProgramWriter:
    """Raises:
    UnknownModelError: there is no such bundle, or it is damaged, or no writer.
    """
    from codling.serve.writing import WRITER, LazyWriter

    lazy = LazyWriter(writer or WRITER)
    lazy.open()  # who asks for programs by name is told at once that there is nobody to write them
    return lazy.programs


class _Models:
    """Loads each model once: the one that was named, or one for each language that comes up."""

    def __init__(self, name: str | None, sure: float, project: Path | None) -> None:
        self._name, self._sure, self._project = name, sure, project
        self._by_name: dict[str, Completer] = {}

    def for_text(self, language: str | None, path: str | None) -> Completer:
        from codling.bundle import default_model
        from codling.complete import Completer
        from codling.complete.completer import language_of

        name = self._name or default_model(language or language_of(path))
        if name not in self._by_name:
            self._by_name[name] = Completer(name, sure=self._sure, project=self._project)
        return self._by_name[name]


def _answer_batch(batch: str, models: _Models, asked: _Asked) -> None:
    for where, row in read_rows(batch, ["prefix"], ["suffix", "language", "path"], max_bytes=MAX_ROW_BYTES):
        completer = models.for_text(row.get("language"), row.get("path"))
        try:
            answer = completer.complete(
                row["prefix"],
                row.get("suffix") or "",
                language=row.get("language"),
                path=row.get("path"),
                **asked.arguments(),
            )
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        # ASCII, for an id may hold what stdout cannot encode
        sys.stdout.write(json_module.dumps({"id": row["id"]} | _plain(answer)) + "\n")
        sys.stdout.flush()


def _plain(answer: Completion) -> dict[str, Any]:
    return {
        "suggestions": [
            {"text": row.text, "score": row.score} | ({"origin": row.origin} if row.origin != "code" else {})
            for row in answer.suggestions
        ],
        "ms": round(answer.ms, 3),
    }


def _split(file: Path, line: int | None, column: int | None) -> tuple[str, str, int, int]:
    """A file's text before and after a place, and the place with its defaults filled in; line and column count from 1.

    Raises:
        InputError: the file is not text, or has no such place.
    """
    try:
        if file.exists() and not (file.is_file() or file.is_dir()):  # a pipe may never end, or never begin
            raise InputError(f"{file} is not a file; name source code")
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{file} is larger than {MAX_FILE_BYTES >> 20} MiB; that is no source code")
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    if b"\0" in data:
        raise InputError(f"{file} is a binary file; name source code")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 (byte {error.start:,}); convert it first") from None
    lines = text.split("\n")
    line = len(lines) if line is None else line
    if not 1 <= line <= len(lines):
        raise InputError(f"{file} has lines 1 to {len(lines)}, not {line}")
    content = lines[line - 1].removesuffix("\r")
    column = len(content) + 1 if column is None else column
    if not 1 <= column <= len(content) + 1:
        raise InputError(f"{file}, line {line} has columns 1 to {len(content) + 1}, not {column}")
    at = sum(len(above) + 1 for above in lines[: line - 1]) + column - 1
    return text[:at], text[at:], line, column
