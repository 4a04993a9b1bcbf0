"""codling train-writer: descriptions with programs in, a bundle that writes programs out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.output import JsonOption, print_json, stderr, stdout
from codling.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    from codling.trees.writing.pairs import Pair

__all__ = ["train_writer"]


def train_writer(
    preset: Annotated[str | None, typer.Argument(help="Name of a preset; see --list.", show_default=False)] = None,
    pairs: Annotated[
        list[Path] | None, typer.Option("--pairs", help='JSON Lines of {"text", "code"} to train on; repeatable.')
    ] = None,
    times: Annotated[
        list[int] | None,
        typer.Option(
            "--times", min=1, help="How often the pairs of each file are read in an epoch, in the order of --pairs."
        ),
    ] = None,
    everyday: Annotated[
        int, typer.Option(min=0, metavar="N", help="Generated everyday requests to train on besides.")
    ] = 0,
    tasks: Annotated[int, typer.Option(min=0, metavar="N", help="Generated small tasks to train on besides.")] = 0,
    dev: Annotated[
        list[Path] | None, typer.Option("--dev", help="The same, to choose the best epoch by; repeatable.")
    ] = None,
    run: Annotated[Path | None, typer.Option(help="Folder of the run; by default runs/PRESET.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as optim.lr=0.001.")
    ] = None,
    init: Annotated[
        Path | None, typer.Option(help="Start from the weights and the lexicon of another run's folder.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="Where to write the bundle; by default RUN/bundle.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, whatever the run's folder holds.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the presets and end.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the whole configuration and end.")] = False,
    json: JsonOption = False,
) -> None:
    """Train a writer of programs and write a bundle.

    Goes on from the run's checkpoint, written after every pass over the pairs: after Ctrl-C or a crash, repeat the
    command.
    """
    from codling.config import override, parse_assignments, to_mapping
    from codling.trees.writing.config import list_writer_presets, writer_preset

    if list_:
        for name, what in list_writer_presets().items():
            stdout().print(f"{name}  {what.splitlines()[0]}", markup=False)
        return
    if preset is None:
        raise ConfigError("name a preset, or see them with `codling train-writer --list`")
    config = override(writer_preset(preset), parse_assignments(settings or []))
    if show:
        print_json(to_mapping(config))
        return
    if not pairs or not dev:
        raise ConfigError("name files of pairs with --pairs FILE, and others with --dev FILE to choose the epoch by")
    from codling.cli.train_writer_show import Shown
    from codling.trees.writing.export import export_writer
    from codling.trees.writing.train import train_writer as train
    from codling.write.fitting import fit_bundle

    console = stderr()
    if times and len(times) != len(pairs):
        raise ConfigError(f"--times says {len(times)} numbers for {len(pairs)} files of --pairs")
    console.print("reading the pairs", markup=False)
    training, counts = _read(pairs, console)
    often = [count for (_, each), count in zip(counts, times or [1] * len(pairs), strict=True) for _ in range(each)]
    for name, generated in (("everyday", _everyday(everyday, config.seed)), ("tasks", _tasks(tasks, config.seed))):
        if generated:
            training += generated
            often += [1] * len(generated)
            counts.append((name, len(generated)))
    development = {path.stem: _read([path], console)[0] for path in dev}
    folder = run or Path("runs") / config.name
    with Shown(console) as shown:
        trained = train(training, development, config, folder, times=often, init=init, fresh=fresh, watcher=shown)
        if trained.interrupted:
            console.print(f"stopped {shown.where}; repeat the command to go on", markup=False)
            raise KeyboardInterrupt
        made = export_writer(trained, bundle or folder / "bundle", data={"pairs": dict(counts)})
        if trained.reconstruction is not None:
            try:
                made = fit_bundle(made, [pair for each in development.values() for pair in each], made.path, shown)
            except TrainingError as error:  # no first candidate is right yet, or all are
                console.print(f"candidates stay in the order of the search: {error}", markup=False)
    if json:
        best = trained.epochs[trained.best - 1]
        print_json({"bundle": str(made.path), "bytes": made.num_bytes, "best": to_mapping(best)})
        return
    stdout().print(f"{made.path} ({made.num_bytes / 1e6:.1f} MB), epoch {trained.best}", markup=False)


def _everyday(count: int, seed: int) -> list[Pair]:
    from codling.trees.writing.everyday import everyday_pairs

    return list(everyday_pairs(count, seed))


def _tasks(count: int, seed: int) -> list[Pair]:
    """Tasks of up to three operations within one another, no two described alike."""
    from codling.trees.writing.programs import tasks

    found: dict[str, Pair] = {}
    for task in tasks(seed, 3) if count else ():
        found.setdefault(task.text, task.pair)
        if len(found) == count:
            break
    return list(found.values())


def _read(paths: list[Path], console: Any) -> tuple[list[Pair], list[tuple[str, int]]]:
    """Pairs of some files, and how many each has; rows whose program does not parse are named and left out."""
    from codling.trees.writing.pairs import Pair, read_pairs

    found: list[Pair] = []
    counts: list[tuple[str, int]] = []
    for path in paths:
        before = len(found)
        for row in read_pairs(path):
            if isinstance(row, Pair):
                found.append(row)
            else:
                console.print(f"left out: {row}", markup=False)
        counts.append((path.stem, len(found) - before))
    return found, counts
