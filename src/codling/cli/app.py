"""The root command and how every command ends."""

from __future__ import annotations

import gc
import importlib
import io
import os
import signal
import sys
from typing import Annotated

import typer

from codling import __version__
from codling.errors import CodlingError

__all__ = ["COMMANDS", "main", "make_app"]

_GC_THRESHOLD = 50_000  # a start makes many objects and drops few: looking for circles among them is a tenth of it

COMMANDS = {
    "train": "train",
    "adapt": "adapt",
    "tune": "tune",
    "complete": "complete",
    "sample": "sample",
    "write": "write",
    "train-writer": "train_writer",
    "train-encoders": "train_encoders",
    "index": "index",
    "search": "search",
    "lsp": "lsp",
    "mcp": "mcp",
    "serve": "serve",
    "stats": "stats",
    "bundle": "bundle",
    "cache": "cache",
    "corpus": "corpus",
    "eval": "eval",
    "npi": "npi",
    "search-train": "search_train",
}
"Commands, in the order of --help, and the modules of this package that hold them: a function of that name, or a group."


def make_app(only: str | None = None) -> typer.Typer:
    """The command line.

    Args:
        only: the one command to load; to load and describe them all is a fifth of a search's time from start to answer.
    """
    app = typer.Typer(
        name="codling",
        help="A small neural code assistant, trained on your own machine and on your own code.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name, file in COMMANDS.items():
        if only in (None, name):
            module = importlib.import_module(f"codling.cli.{file}")
            if hasattr(module, "app"):
                app.add_typer(module.app, name=name)
            else:
                app.command(name)(getattr(module, file))
    return app


def _version(asked: bool) -> None:
    if asked:
        print(f"codling {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of ``codling``: exit code 0, 2 for a user's mistake, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # answers hold any text, whatever the locale says
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    gc.set_threshold(_GC_THRESHOLD)
    try:
        first = sys.argv[1] if len(sys.argv) > 1 else None
        code = make_app(first if first in COMMANDS else None)(standalone_mode=False)
        print(end="", flush=True)  # here, where a full disk or a reader who left can still be told apart
        sys.exit(code)
    except CodlingError as error:
        print(f"codling: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("codling: interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # rich met it first, and has turned stdout off
            sys.exit(0)
        raise
    except BrokenPipeError:  # `codling … | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:  # a full disk, a folder that is not ours: nothing that a traceback would explain
        where = f"{error.filename}: " if error.filename else ""
        print(f"codling: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        if not hasattr(error, "format_message"):  # Click's and Typer's own have it, and no common class to import
            raise
        context = getattr(error, "ctx", None)
        said = " ".join(error.format_message().split()).rstrip(".")
        if said:
            print(f"codling: {said}; see {context.command_path if context else 'codling'} --help", file=sys.stderr)
        else:  # no arguments at all
            error.show()  # type: ignore[attr-defined]
        sys.exit(2)
