"""The root command and how every command ends."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from typing import Annotated

import typer

from codling import __version__
from codling.cli import bundle, cache, corpus
from codling.cli.adapt import adapt
from codling.cli.complete import complete
from codling.cli.eval import app as eval_app
from codling.cli.index import index
from codling.cli.lsp import lsp
from codling.cli.mcp import mcp
from codling.cli.npi import app as npi_app
from codling.cli.sample import sample
from codling.cli.search import search
from codling.cli.search_train import app as search_train_app
from codling.cli.serve import serve
from codling.cli.stats import stats
from codling.cli.train import train
from codling.cli.train_writer import train_writer
from codling.cli.tune import tune
from codling.cli.write import write
from codling.errors import CodlingError

__all__ = ["app", "main"]

_GC_THRESHOLD = 50_000  # a start makes many objects and drops few: looking for circles among them is a tenth of it

app = typer.Typer(
    name="codling",
    help="A small neural code assistant, trained on your own machine and on your own code.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(bundle.app, name="bundle")
app.add_typer(cache.app, name="cache")
app.add_typer(corpus.app, name="corpus")
app.add_typer(eval_app, name="eval")
app.add_typer(npi_app, name="npi")
app.add_typer(search_train_app, name="search-train")
app.command("train")(train)
app.command("adapt")(adapt)
app.command("tune")(tune)
app.command("complete")(complete)
app.command("sample")(sample)
app.command("write")(write)
app.command("train-writer")(train_writer)
app.command("index")(index)
app.command("search")(search)
app.command("lsp")(lsp)
app.command("mcp")(mcp)
app.command("serve")(serve)
app.command("stats")(stats)


def _version(asked: bool) -> None:
    if asked:
        print(f"codling {__version__}")
        raise typer.Exit


@app.callback()
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
        sys.exit(app(standalone_mode=False))
    except CodlingError as error:
        print(f"codling: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("codling: interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # `codling … | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
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
