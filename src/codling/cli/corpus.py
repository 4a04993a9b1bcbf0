"""codling corpus: gather source code into something to train on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.corpus_pairs import pairs
from codling.cli.output import JsonOption, print_json, progress, stderr, stdout
from codling.cli.sources import requests_of
from codling.errors import CorpusError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["app"]

app = typer.Typer(help="Gather, clean and split source code to train on.", no_args_is_help=True)
app.command()(pairs)

_STAGES = {"fetch": "fetching", "gather": "cleaning", "judge": "comparing", "write": "writing"}


@app.command()
def build(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder for the corpus; a build that was stopped in it goes on.")
    ],
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...",
            help="A folder, a git repository, a notebook, an archive, a file, or pypi:NAME[==VERSION].",
        ),
    ] = None,
    sources_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--sources", metavar="FILE", help="File of sources, one a line, perhaps with the split it is pinned to."
        ),
    ] = None,
    test: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Project that belongs to the test split; repeat it.")
    ] = None,
    valid: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Project for validation; repeat it.")] = None,
    test_fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of other projects for the test.")] = 0.02,
    valid_fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of them for validation.")] = 0.02,
    split_by: Annotated[str, typer.Option(help="project, or file where there is one project only.")] = "project",
    seed: Annotated[int, typer.Option(help="Of the split and of the order of documents.")] = 0,
    keep_docstrings: Annotated[bool, typer.Option(help="Leave documentation in.")] = False,
    max_literal_lines: Annotated[int, typer.Option(min=0, help="Longer literal collections go; 0 keeps all.")] = 100,
    mask_secrets: Annotated[bool, typer.Option(help="Mask keys, passwords and e-mail addresses.")] = True,
    licences: Annotated[str, typer.Option(help="any, or permissive.")] = "any",
    near_duplicate: Annotated[
        float, typer.Option(min=0, max=1, help="Similarity from which a file is a copy; 0 keeps all.")
    ] = 0.7,
    vocab: Annotated[Path | None, typer.Option(help="Use this vocabulary instead of making one.")] = None,
    index_url: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Package index; pip's, or PyPI, without it.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core without it.")] = None,
    keep_going: Annotated[bool, typer.Option(help="Leave out sources that cannot be had.")] = False,
    json: JsonOption = False,
) -> None:
    """Build a corpus: clean, compare, split by project, and write token shards."""
    from codling.config import from_mapping
    from codling.corpus.build import BuildConfig, build_corpus

    requests = requests_of(sources, sources_file)
    config = from_mapping(
        BuildConfig,
        {
            "gather": {
                "clean": {
                    "keep_docstrings": keep_docstrings,
                    "max_literal_lines": max_literal_lines,
                    "mask_secrets": mask_secrets,
                }
            },
            "judge": {
                "licences": licences,
                "near_duplicate": near_duplicate,
                "split": {"seed": seed, "valid": valid_fraction, "test": test_fraction, "by": split_by},
            },
        },
    )
    pins = dict.fromkeys(test or (), "test")
    for name in valid or ():
        if pins.setdefault(name, "valid") != "valid":
            raise CorpusError(f"{name!r} cannot be in the test and in the validation split")
    with progress() as bar:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(_STAGES[stage], total=total)
            bar.update(tasks[stage], completed=done, total=total)

        index = build_corpus(
            out,
            requests,
            config,
            pins=pins,
            vocab=vocab,
            index_urls=index_url or (),
            num_workers=workers,
            keep_going=keep_going,
            progress=show,
        )
    if not index["counts"]["kept"]:
        dropped = ", ".join(f"{number:,} {reason}" for reason, number in index["counts"]["dropped"].items())
        raise CorpusError(f"{out}: no file was kept ({dropped or 'there were none'}); name other sources")
    for split, remedy in (("train", "lower --valid-fraction"), ("valid", "--valid NAME")):
        if not index["splits"][split]["documents"]:
            stderr().print(f"codling: the {split} split is empty; {remedy} or --split-by file fills it")
    if json:
        print_json(index)
    else:
        _print_summary(stdout(), out, index)


@app.command()
def encode(
    corpus: Annotated[Path, typer.Argument(help="The corpus whose texts are read.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the corpus with other tokens.")],
    vocab: Annotated[Path | None, typer.Option(help="Use this vocabulary instead of making one of sub-words.")] = None,
    vocab_size: Annotated[int, typer.Option(min=259, max=65_536, help="Sub-words to make, bytes included.")] = 8_192,
    weigh: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=WEIGHT",
            help="Write training files that match (as in .gitignore) so often: examples/=3, tests/=0.3. Repeatable.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a corpus's texts again as sub-words, same split, same order."""
    from codling.corpus.encode import encode_corpus
    from codling.errors import ConfigError

    weights = {}
    for option in weigh or ():
        pattern, equals, weight = option.rpartition("=")
        try:
            weights[pattern] = float(weight)
        except ValueError:
            equals = ""
        if not (equals and pattern):
            raise ConfigError(f"--weigh takes PATTERN=WEIGHT, as in examples/=3, not {option!r}; see --help")

    with progress() as bar:
        task = bar.add_task("encoding", total=None)
        index = encode_corpus(
            corpus,
            out,
            vocab=vocab,
            vocab_size=vocab_size,
            weights=weights,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if json:
        print_json(index)
    else:
        _print_summary(stdout(), out, index)


@app.command()
def show(
    corpus: Annotated[Path, typer.Argument(help="A corpus's folder.")],
    json: JsonOption = False,
) -> None:
    """Show what a corpus holds: counts, why files were dropped, projects."""
    from rich.markup import escape
    from rich.table import Table

    from codling.corpus.shards import read_index

    index = read_index(corpus)
    if json:
        print_json(index)
        return
    console = stdout()
    _print_summary(console, corpus, index)
    table = Table("project", "version", "licence", "split", box=None, header_style="bold")
    for name in ("files", "kept", "lines"):
        table.add_column(name, justify="right")
    for row in sorted(index["projects"], key=lambda row: -row["lines"]):
        numbers = (f"{row[key]:,}" for key in ("files", "kept", "lines"))
        table.add_row(*(escape(row[key]) for key in ("name", "version", "licence", "split")), *numbers)
    console.print(table)


def _print_summary(console: Console, out: Path, index: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    counts = index["counts"]
    console.print(f"[bold]{escape(str(out))}[/bold]: {counts['kept']:,} of {counts['files']:,} files kept")
    table = Table("split", box=None, header_style="bold")
    for name in ("files", "lines", "characters", "tokens"):
        table.add_column(name, justify="right")
    for split, sums in counts["splits"].items():
        numbers = (sums["files"], sums["lines"], sums["characters"], index["splits"][split]["tokens"])
        table.add_row(split, *(f"{number:,}" for number in numbers))
    console.print(table)
    reasons = Table("dropped", box=None, header_style="bold")
    reasons.add_column("files", justify="right")
    for reason, number in sorted(counts["dropped"].items(), key=lambda item: -item[1]):
        reasons.add_row(reason, f"{number:,}")
    if counts["dropped"]:
        console.print(reasons)
    for failure in index["failed"]:
        console.print(f"left out: {failure['source']}: {failure['error']}", markup=False)
