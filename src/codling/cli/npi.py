"""codling npi: programs learned from their traces, and proved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.output import JsonOption, print_json, progress, stderr, stdout
from codling.errors import ConfigError, InputError, TaskError

if TYPE_CHECKING:
    from codling.npi.model import Known
    from codling.npi.task import Task
    from codling.npi.verify import Verdict

__all__ = ["app"]

app = typer.Typer(
    help="Learn programs from their traces until they are proved, and run them: sums, sorting, the tower of Hanoi.",
    no_args_is_help=True,
)

TaskName = Annotated[
    str, typer.Argument(metavar="TASK", help="A task of `codling npi list`, or a Python file with one.")
]
Words = Annotated[
    list[str] | None, typer.Argument(metavar="PROBLEM…", help="What to solve; each task says in which words.")
]
Model = Annotated[str, typer.Option(help="The bundle that runs, by name or path.")]
MaxSteps = Annotated[int, typer.Option(min=1, help="Give up after so many steps.")]
_PASS_NEGATIVE = {"ignore_unknown_options": True}  # -3 is a number here, and no option


@app.command("list")
def list_(model: Model = "npi", json: JsonOption = False) -> None:
    """List the tasks that ship, and what is proved of each."""
    from rich.table import Table

    from codling.npi.model import load_interpreter
    from codling.npi.tasks import TASKS

    known = load_interpreter(model).known
    rows = []
    for name, kind in TASKS.items():
        about = known.get(name)
        certificate = about.certificate if about else None
        task = kind()
        rows.append(
            {
                "name": name,
                "summary": task.summary,
                "usage": kind.usage,
                "example": f"codling npi solve {task.typed(kind.example)}",
                "learned": about is not None,
                "verified": certificate is not None,
                "frames": certificate.num_frames if certificate else None,
            }
        )
    if json:
        print_json(rows)
        return
    table = Table("task", "what", "proved", box=None, header_style="bold")
    for row in rows:
        proved = f"{row['frames']:,} frames" if row["verified"] else "no" if row["learned"] else "not learned"
        table.add_row(str(row["name"]), str(row["summary"]), proved)
    stdout().print(table)
    stdout().print("for example: codling npi solve addition 96 125")


@app.command(context_settings=_PASS_NEGATIVE)
def solve(
    task: TaskName,
    problem: Words = None,
    model: Model = "npi",
    max_steps: MaxSteps = 10_000_000,
    json: JsonOption = False,
) -> None:
    """Solve a problem: `codling npi solve addition 96 125`."""
    from codling.npi.model import load_interpreter

    chosen = _one_task(task)
    parsed = chosen.parse(problem or [])
    interpreter = load_interpreter(model)
    verified = interpreter.is_verified(chosen)
    (outcome,) = interpreter.solve(chosen, [parsed], max_steps=max_steps)
    if outcome.failure is not None:
        raise InputError(f"{chosen.name} did not come to an end: {outcome.failure} (see --max-steps)")
    if json:
        print_json({"result": outcome.result, "steps": outcome.num_steps, "verified": verified}, indent=None)
    else:
        stdout().print(outcome.result, markup=False)


@app.command(context_settings=_PASS_NEGATIVE)
def run(
    task: TaskName,
    problem: Words = None,
    model: Model = "npi",
    delay_s: Annotated[float, typer.Option(min=0, help="Seconds between two steps, on a terminal.")] = 0.15,
    max_steps: MaxSteps = 20_000,
    teacher: Annotated[bool, typer.Option(help="Compare with the task's own programs, step by step.")] = True,
    json: JsonOption = False,
) -> None:
    """Show a run: the environment, the stack of calls, how sure each decision is. `--json` gives the whole trace."""
    from codling.cli.npi_show import play, print_frames
    from codling.npi.model import load_interpreter
    from codling.npi.trace import trace

    chosen = _one_task(task)
    parsed = chosen.parse(problem or [])
    found = trace(load_interpreter(model), chosen, parsed, max_steps=max_steps, teacher=teacher)
    if json:
        print_json(found.to_json(), indent=None)
        return
    console = stdout()
    if console.is_terminal:
        play(found, console, delay_s)
    else:
        print_frames(found, console)


@app.command()
def verify(
    tasks: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]…", help="Tasks; by default all that it knows.")
    ] = None,
    model: Model = "npi",
    search_s: Annotated[float, typer.Option(min=0, help="Seconds to look for an input that goes wrong.")] = 30.0,
    json: JsonOption = False,
) -> None:
    """Prove that a bundle runs its tasks right on inputs of any size, or show an input on which it does not."""
    from codling.config import to_mapping
    from codling.npi.model import load_interpreter
    from codling.npi.verify import verify as prove

    interpreter = load_interpreter(model)
    console = stderr()
    rows = []
    for name in tasks or list(interpreter.known):
        for task in _tasks(name, interpreter):
            interpreter.check(task)
            with progress() as bar:
                row = bar.add_task(task.name, total=None)
                verdict = prove(
                    interpreter.network,
                    task,
                    model_sha256=interpreter.model_sha256,
                    search_s=search_s,
                    progress=lambda done, total, bar=bar, row=row: bar.update(row, completed=done, total=total),  # type: ignore[misc]
                )
            rows.append(verdict)
            if not json:
                for line in _verdict_lines(verdict, task, model):
                    stdout().print(line, markup=False)
    if json:
        print_json([to_mapping(verdict) for verdict in rows])
    if any(verdict.certificate is None for verdict in rows):
        console.print("codling: not everything is proved", markup=False)
        raise typer.Exit(1)


@app.command()
def train(
    tasks: Annotated[
        list[str], typer.Argument(metavar="TASK…", help="Tasks for one core, by name or Python file; `all`.")
    ],
    bundle: Annotated[Path | None, typer.Option(help="Folder of the bundle to write; RUN/bundle by default.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run, with its checkpoint; runs/npi-TASK by default.")
    ] = None,
    preset: Annotated[str, typer.Option(help="small, large or paper (2 layers of 256).")] = "small",
    onto: Annotated[
        str | None,
        typer.Option(metavar="BUNDLE", help="Learn new tasks on top of a bundle's core, which stays as it is."),
    ] = None,
    init: Annotated[str | None, typer.Option(metavar="BUNDLE", help="Start from a bundle's weights.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same network.")] = None,
    recursion: Annotated[str, typer.Option(help="full; or none or partial, which cannot be proved.")] = "full",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="For example train.lr=0.005.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, even if there is a checkpoint.")] = False,
    json: JsonOption = False,
) -> None:
    """Train until it is proved, and write a bundle. After Ctrl-C, repeat the command to go on."""
    from codling.bundle import check_target
    from codling.config import override, parse_assignments, to_mapping
    from codling.npi.train.config import preset as find_preset

    changes: dict[str, Any] = parse_assignments(settings or [])
    changes |= {"train.seed": seed} if seed is not None else {}
    config = override(find_preset(preset), changes)
    chosen = [task for name in tasks for task in _tasks(name, None, recursion)]
    if onto and init:
        raise ConfigError(
            "--onto and --init exclude each other: the first keeps a bundle's weights, the second moves them"
        )
    folder = run or Path("runs") / f"npi-{Path(tasks[0]).stem}"
    target = bundle or folder / "bundle"
    check_target(target)

    from codling.npi.train.extend import train_from, train_onto
    from codling.npi.train.loop import Round
    from codling.npi.train.run import train_tasks, write_interpreter

    def on_round(row: Round) -> None:
        wrong = ", ".join(f"{name} {count:,}" for name, count in row.num_wrong.items() if count) or "none"
        console.print(
            f"round {row.number}  step {row.step:,}  loss {row.loss_nats:.4f}  {row.num_lessons:,} lessons  "
            f"wrong of {row.num_decisions:,}: {wrong}",
            markup=False,
        )

    with progress() as bar:
        console = bar.console  # lines above the bar, not through it
        line = bar.add_task("steps of this round", total=config.train.steps_per_round)
        common: dict[str, Any] = {
            "folder": folder,
            "fresh": fresh,
            "on_step": lambda text: console.print(text, markup=False),
            "on_round": on_round,
            "progress": lambda done, total: bar.update(line, completed=done, total=total),
        }
        before: dict[str, Known] | None = None
        if onto is not None:
            result, before = train_onto(onto, chosen, config, **common)
        elif init is not None:
            result = train_from(init, chosen, config, **common)
        else:
            result = train_tasks(chosen, config, **common)
    if not result.verdicts:
        console.print("stopped; repeat the command to go on", markup=False)
        raise KeyboardInterrupt
    seconds = result.seconds
    facts = {"train": to_mapping(config.train), "seconds": round(seconds, 1), "rounds": result.num_rounds}
    facts |= {"onto": Path(onto).name} if onto else {"init": Path(init).name} if init else {}
    names = ", ".join([*(before or {}), *(task.name for task in chosen)])
    written = write_interpreter(
        result, chosen, target, description=f"Programs learned from traces: {names}", training=facts, before=before
    )
    if json:
        print_json(
            {
                "bundle": str(written.path),
                "bytes": written.num_bytes,
                "seconds": round(seconds, 1),
                "verified": {name: verdict.certificate is not None for name, verdict in result.verdicts.items()},
            }
        )
    else:
        for task in chosen:
            for text in _verdict_lines(result.verdicts[task.name], task, str(target)):
                stdout().print(text, markup=False)
        stdout().print(f"{written.name}: {written.num_bytes / 1e6:.2f} MB, {written.path}", markup=False)
    if any(task.recursion == "full" and result.verdicts[task.name].certificate is None for task in chosen):
        raise typer.Exit(1)


def _one_task(name: str) -> Task:
    found = _tasks(name, None)
    if len(found) > 1:
        raise TaskError(f"{name} has several tasks ({', '.join(task.name for task in found)}); keep one per file")
    return found[0]


def _tasks(name: str, interpreter: Any, recursion: str = "full") -> Sequence[Task]:
    """A task by name, those of a Python file, or all that ship."""
    from codling.npi.task import load_tasks
    from codling.npi.tasks import TASKS, find_task

    if name.endswith(".py"):
        return [kind(recursion) for kind in load_tasks(Path(name)).values()]
    if name == "all":
        return [kind(recursion) for kind in TASKS.values()]
    known = interpreter.known.get(name) if interpreter is not None else None
    return [find_task(name)(known.recursion if known else recursion)]


def _verdict_lines(verdict: Verdict, task: Task, model: str) -> list[str]:
    """A verdict for people."""
    proof = verdict.certificate
    if proof is not None:
        proved = (
            f"{proof.task}: proved for inputs of all sizes; {proof.num_frames:,} frames with {proof.num_decisions:,} "
            f"decisions are right, the closest by {proof.margin_nats:g} nats ({proof.seconds:.1f} s)"
        )
        return [proved, *(f"  assuming that {text}" for text in proof.assumes)]
    lines = [f"{verdict.task}: not proved: {verdict.reason}", *(f"  {text}" for text in verdict.wrong)]
    found = verdict.counterexample
    if found is not None:
        came = found.failure or found.result
        lines.append(f"  for example: codling npi run {task.typed(found.words)} --model {model}")
        lines.append(
            f"  at step {found.step + 1:,} it does {found.chosen}, not {found.expected}; "
            f"it comes to {came!r}, the answer is {found.answer!r}"
        )
    return lines
