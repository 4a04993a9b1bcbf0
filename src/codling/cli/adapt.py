"""codling adapt: a bundle and a folder of one's own code in, a bundle that knows that code out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codling.cli.output import JsonOption, print_json, stderr, stdout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codling.lm.adapt import Adaptation

__all__ = ["adapt"]


def adapt(
    folder: Annotated[Path, typer.Argument(help="Your code; what .gitignore names is left out.", show_default=False)],
    model: Annotated[
        str | None, typer.Option(help="The bundle to start from; by default the one for DIR's main language.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the new bundle; by default MODEL-DIR among your own bundles.")
    ] = None,
    other: Annotated[
        Path | None,
        typer.Option(
            help="Other code, to see what the model forgot; by default Python's standard library, for Python.",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(help="Time for everything; what was learned by then is kept.")] = 8.0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as lr=0.0005.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run, which is then kept; by default one in the user's cache.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, even if a run was interrupted.")] = False,
    json: JsonOption = False,
) -> None:
    """Fine-tune a model on your own code, on this machine, and say what it gained on files held out from it.

    Interrupted, the same command goes on where it was. Nothing leaves the machine.
    """
    from codling.bundle import default_model, load_bundle
    from codling.config import override, parse_assignments
    from codling.errors import CorpusError
    from codling.lm.adapt import AdaptConfig
    from codling.lm.adapt import adapt as run_adaptation
    from codling.training.display import Display

    if not folder.exists():
        raise CorpusError(f"there is no folder {folder}")
    config = override(AdaptConfig(minutes=minutes), parse_assignments(settings or []))
    bundle = load_bundle(model or default_model(_main_language(folder)))
    console = stderr()
    result = run_adaptation(
        bundle,
        folder,
        config,
        other=other,
        out=out,
        run=run,
        fresh=fresh,
        observer=Display(console, title=bundle.name),
        on_step=lambda text: console.print(text, markup=False),
    )
    if result.was_interrupted:
        console.print(f"stopped at step {result.outcome.step:,}; repeat the command to go on", markup=False)
        raise KeyboardInterrupt
    if json:
        print_json(result.summary())
        return
    _print(result)


def _main_language(folder: Path) -> str | None:
    """The language that most of a folder's files are in; None where there are none."""
    from collections import Counter

    from codling.corpus.languages import language_of_path
    from codling.corpus.readers import list_folder

    found = (language_of_path(path) for path in (list_folder(folder) if folder.is_dir() else [folder.name]))
    counts = Counter(language.name for language in found if language)
    return max(counts, key=counts.__getitem__) if counts else None


def _print(result: Adaptation) -> None:
    out = stdout()
    for line in _lines(result):
        out.print(line, markup=False)
    outcome = result.outcome
    out.print(
        f"{len(result.own.files):,} files of {result.own.num_lines:,} lines; {outcome.tokens:,} tokens learned from in "
        f"{outcome.step:,} steps; {result.seconds:,.0f} s in all, on {outcome.device}",
        markup=False,
    )
    for note in result.notes:
        out.print(f"note: {note}", markup=False)
    if result.bundle is None:
        out.print(f"nothing was gained, so no bundle was written: {result.base} serves as well", markup=False)
    else:
        out.print(f"bundle: {result.bundle.path} ({result.bundle.num_bytes / 1e6:.1f} MB)", markup=False)
        out.print(f"use it: codling serve --model {result.bundle.name}", markup=False)


def _lines(result: Adaptation) -> Iterator[str]:
    """The table: a row per set of texts, before and after."""
    yield (f"{'':<26} {'files':>6} {'units':>8} {'loss':>7} {'adapted':>8} {'accuracy':>9} {'adapted':>8} {'gain':>6}")
    for measure in result.measures:
        before, after = measure.before, measure.after
        assert after is not None  # a run that was not interrupted has been measured
        yield (
            f"{measure.on:<26} {measure.num_files:6,} {measure.num_units:8,} {before.loss_nats:7.3f} "
            f"{after.loss_nats:8.3f} {before.accuracy:9.1%} {after.accuracy:8.1%} "
            f"{100 * (after.accuracy - before.accuracy):+6.1f}"
        )
