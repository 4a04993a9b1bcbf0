"""codling train: a named configuration and a corpus in, a run's folder and a bundle out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codling.cli.output import JsonOption, print_json, stderr, stdout
from codling.errors import ConfigError, TrainingError

__all__ = ["train"]


def train(
    preset: Annotated[str | None, typer.Argument(help="Name of a preset; see --list.", show_default=False)] = None,
    corpus: Annotated[Path | None, typer.Option(help="Folder of a corpus, from `codling corpus build`.")] = None,
    run: Annotated[Path | None, typer.Option(help="Folder of the run; by default runs/PRESET.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as optim.lr=0.01.")
    ] = None,
    init: Annotated[
        str | None, typer.Option(help="Start a new run from the weights of another run's folder, or of a bundle.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda; the same as --set loop.device=….")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Where to write the bundle; by default RUN/bundle.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Fail unless there is a checkpoint to go on from.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, whatever the run's folder holds.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the presets and end.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the whole configuration and end.")] = False,
    json: JsonOption = False,
) -> None:
    """Train a model, show how it goes, and write a bundle.

    Goes on from the run's checkpoint if there is one: after Ctrl-C, a crash or a power cut, repeat the command.
    """
    from codling.config import override, parse_assignments, to_mapping
    from codling.lm.presets import list_presets
    from codling.lm.presets import preset as find_preset

    if list_:
        _print_presets(list_presets(), json)
        return
    if preset is None:
        raise ConfigError("name a preset, or see them with `codling train --list`")
    changes = parse_assignments(settings or []) | ({"loop.device": device} if device else {})
    config = override(find_preset(preset), changes)
    if show:
        print_json(to_mapping(config))
        return
    if corpus is None:
        raise ConfigError("name a corpus with --corpus DIR; `codling corpus build` makes one")
    if resume and fresh:
        raise ConfigError("--resume and --fresh exclude each other")
    folder = run or Path("runs") / config.name

    from codling.lm.runs import has_checkpoint, train_language_model
    from codling.training.display import Display

    if resume and not has_checkpoint(folder):
        raise TrainingError(f"{folder} has no checkpoint to go on from; leave --resume out to start")
    console = stderr()
    result = train_language_model(
        config,
        corpus,
        folder,
        fresh=fresh,
        init=init,
        bundle=bundle or folder / "bundle",
        observer=Display(console, title=config.name),
        on_step=lambda text: console.print(text, markup=False),
    )
    if result.bundle is None:
        console.print(f"stopped at step {result.outcome.step:,}; repeat the command to go on", markup=False)
        raise KeyboardInterrupt
    if json:
        print_json(result.summary())
        return
    for line in result.lines():
        stdout().print(line, markup=False)


def _print_presets(presets: dict[str, str], json: bool) -> None:
    from rich.table import Table

    if json:
        print_json(presets)
        return
    table = Table("preset", "what", box=None, header_style="bold")
    for name, what in presets.items():
        table.add_row(name, what.splitlines()[0] if what else "")
    stdout().print(table)
