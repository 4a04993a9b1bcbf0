"""codling eval lines: does it write the rest of the line?"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from codling.cli.eval_files import ModeName
from codling.cli.output import JsonOption, print_json, progress

__all__ = ["lines", "print_shares"]


def lines(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders whose source files are taken.")],
    model: Annotated[str | None, typer.Option(help="A bundle's name or path.")] = None,
    cases: Annotated[int, typer.Option(min=1, help="Lines to complete, per language.")] = 200,
    mode: Annotated[
        ModeName,
        typer.Option(help="What the model may know: itself (static), the file (dynamic), the project (maintenance)."),
    ] = ModeName.dynamic,
    suffix: Annotated[bool, typer.Option("--suffix", help="Give what follows the line, as in the editor.")] = False,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    raw: Annotated[
        bool, typer.Option("--raw", help="Read files as they are, instead of cleaned as the model's training text was.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw calibration and precision over coverage.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Cut files at random tokens, complete the line, and compare: exact match and edit similarity, as CodeXGLUE does.

    Python lines reach to the line's end, Java's to `;`, `{` or `}`. The measures named plain leave literals empty.
    """
    import time

    from codling.bundle import default_model, load_bundle
    from codling.cli.eval_files import read_files
    from codling.errors import InputError
    from codling.evaluate.calibration import calibration, plot_calibration
    from codling.evaluate.completers import Completers
    from codling.evaluate.lines import LineCase, draw_lines, measure_lines, summarise_lines
    from codling.evaluate.sources import parsed_by_language

    bundle = load_bundle(model or default_model())
    found = read_files(paths, bundle.card, raw)
    completers = Completers(bundle, found.files, mode.value, sure=0)

    promised: list[float] = []

    def complete(case: LineCase) -> str:
        found = completers.suggestions(case.path, case.prefix, case.suffix if suffix else "")
        promised.append(found[0].score if found else 0.0)
        return found[0].text if found else ""

    started = time.perf_counter()
    languages: dict[str, Any] = {}
    calibrations: dict[str, Any] = {}
    by_language, unparsed = parsed_by_language(found.files)
    for language, texts in by_language.items():
        drawn = draw_lines(texts, language, cases, seed)
        if drawn:
            with progress() as bar:
                task = bar.add_task(f"{language} lines", total=len(drawn))
                results = measure_lines(drawn, complete, partial(bar.advance, task))
            languages[language] = summarise_lines(results, seed)
            calibrations[language] = calibration(promised, [row.exact for row in results])
            promised.clear()
    if not languages:
        raise InputError("there is no line to complete: no file parses, or all are empty; name others")
    report = {
        "model": bundle.name,
        "mode": mode.value,
        "suffix": suffix,
        "languages": languages,
        "calibration": calibrations,
        "seed": seed,
        "cleaned": not raw,
        "dropped": dict(sorted(found.dropped.items())),
        "unparsed": unparsed,
        "seconds": round(time.perf_counter() - started, 3),
    }
    if plot is not None:
        plot_calibration(plot, calibrations)
    if json:
        print_json(report)
        return
    for language, groups in languages.items():
        print(f"{bundle.name}, {mode.value}, {language} lines, {'with' if suffix else 'without'} what follows")
        for group, summary in groups.items():
            print(f"\n{group.replace('_', ' ')}: {summary.pop('tokens_per_line'):.1f} tokens to write")
            print_shares(summary)
        _print_calibration(calibrations[language])


def print_shares(shares: dict[str, Any]) -> None:
    """One share a line, with its interval and number; plain counts as they are."""
    for name, row in shares.items():
        if not isinstance(row, dict):
            print(f"{name:>24} {row:,}")
        elif row["value"] is not None:
            ends = f"{row['interval'][0]:.3f}–{row['interval'][1]:.3f}" if row["interval"] else ""
            print(f"{name:>24} {row['value']:.3f}  {ends:13} n {row['n']:,}")


def _print_calibration(found: dict[str, Any]) -> None:
    """What a threshold on a suggestion's probability would show, and how much of that is right."""
    if found["error"] is None:
        return
    print(f"\nprobabilities are off by {found['error']:.3f} on average; of lines at least so probable,")
    print(f"{'probability':>24} {'shown':>6} {'right':>6}")
    for row in found["thresholds"]:
        if row["precision"] is not None:
            print(f"{row['at']:>24.2f} {row['coverage']:6.3f} {row['precision']:6.3f}")
