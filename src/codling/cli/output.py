"""How commands print: JSON or people's tables on stdout, everything else on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["JsonOption", "print_json", "progress", "stderr", "stdout"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def print_json(value: Any, indent: int | None = 1) -> None:
    """Print one JSON document; None for indent gives one line, as in JSON Lines."""
    print(json.dumps(value, indent=indent, ensure_ascii=False), flush=True)


def stdout() -> Console:
    """For answers; plain text without colours when piped."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def stderr() -> Console:
    """For everything that is not the answer."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def progress() -> Progress:
    """A progress bar on stderr; silent when stderr is no terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = stderr()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
