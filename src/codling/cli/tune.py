"""codling tune: search for the settings that train best, and keep the best trial's bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codling.cli.output import JsonOption, print_json, stderr, stdout
from codling.errors import ConfigError

__all__ = ["tune"]


def tune(
    preset: Annotated[
        str | None, typer.Argument(help="Name of a search or of a training preset; see --list.", show_default=False)
    ] = None,
    corpus: Annotated[Path | None, typer.Option(help="Folder of a corpus, from `codling corpus build`.")] = None,
    study: Annotated[Path | None, typer.Option(help="Folder of the study; by default studies/PRESET.")] = None,
    dim: Annotated[
        list[str] | None,
        typer.Option(
            "--dim",
            metavar="NAME=SPEC",
            help="optim.lr=0.001,0.01 or model.hidden_size=64..512:log or a.b=0..1:step=0.1.",
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Trials in all, those of earlier starts included.")] = None,
    grid: Annotated[bool, typer.Option("--grid", help="Try every combination instead of searching with TPE.")] = False,
    prune: Annotated[
        str | None, typer.Option(help="Give up on bad trials early: none, median, hyperband. Default: median with TPE.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides which values TPE tries.")] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting for all trials.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Where to write the best trial's bundle; by default STUDY/bundle.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, whatever the study's folder holds.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the named searches and the presets, and end.")] = False,
    json: JsonOption = False,
) -> None:
    """Search for settings; print a table, write it with plots into the study's folder.

    Goes on with the study if the folder holds one: after Ctrl-C, a crash or a power cut, repeat the command.
    """
    from codling.bundle import check_target
    from codling.config import override, parse_assignments, to_mapping
    from codling.lm.tuning import LanguageModelObjective, search
    from codling.training.display import Display
    from codling.tune.results import default_columns, summary, write_results
    from codling.tune.space import parse_space
    from codling.tune.study import Plan, StudyResult
    from codling.tune.study import tune as run_study

    if list_:
        _print_searches(json)
        return
    if preset is None:
        raise ConfigError("name a search or a preset, or see them with `codling tune --list`")
    named = search(preset)
    base = override(named.base, parse_assignments(settings or []))
    pruning = prune or ("none" if grid or named.grid else "median")
    if pruning not in ("none", "median", "hyperband"):
        raise ConfigError(f"--prune must be none, median or hyperband, not {pruning!r}")
    plan = Plan(
        dimensions=parse_space(dim or named.dimensions, base),
        num_trials=trials,
        grid=grid or (named.grid and not dim),
        pruning=pruning,  # type: ignore[arg-type]
        seed=seed,
    )
    if corpus is None:
        raise ConfigError("name a corpus with --corpus DIR; `codling corpus build` makes one")
    folder = study or Path("studies") / preset
    out = bundle or folder / "bundle"
    check_target(out)
    console = stderr()

    def say(text: str) -> None:
        console.print(text, markup=False)

    def settled(result: StudyResult) -> None:
        trial = result.trials[-1]
        figures = ", ".join(f"{name} {value:.4g}" for name, value in trial.metrics.items())
        say(f"trials settled: {len(result.trials)}; trial {trial.slot + 1} {trial.state}: {figures or trial.error}")
        write_results(folder, f"Search {folder.name}", result, named.columns or default_columns(result))

    objective = LanguageModelObjective(base, corpus, lambda title: Display(console, title=title), on_step=say)
    try:
        result = run_study(objective, plan, folder, about=to_mapping(base), fresh=fresh, on_settled=settled)
    except KeyboardInterrupt:
        say(f"stopped; repeat the command to go on with the study in {folder}")
        raise
    columns = named.columns or default_columns(result)
    if result.best is not None:
        objective.export(result.best.params, result.best.folder, out)
    if json:
        print_json(summary(result, columns) | {"bundle": str(out) if result.best else None, "study": str(folder)})
        return
    stdout().print((folder / "table.md").read_text(encoding="utf-8").rstrip(), markup=False)
    say(f"report: {folder / 'report.html'}" + (f"\nbundle: {out}" if result.best else ""))


def _print_searches(json: bool) -> None:
    from codling.lm.presets import list_presets
    from codling.lm.tuning import list_searches

    found = list_searches() | list_presets()
    if json:
        print_json(found)
        return
    for name, what in found.items():
        stdout().print(f"{name}: {what}", markup=False)
