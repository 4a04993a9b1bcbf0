"""codling stats: what became of suggestions on this machine, and the threshold that follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from codling.complete.acceptance import Acceptance, Count, ThresholdRow

__all__ = ["stats"]


def stats(
    days: Annotated[int | None, typer.Option(min=1, max=366, help="Count the last days only.")] = None,
    thresholds: Annotated[
        bool, typer.Option("--thresholds", help="Show what each threshold would have shown and saved.")
    ] = False,
    set_threshold: Annotated[
        str | None,
        typer.Option(
            metavar="PROBABILITY|auto|none",
            help="Show nothing unasked that is less probable. auto: the lowest above which --precision was accepted.",
        ),
    ] = None,
    precision: Annotated[
        float, typer.Option(min=0, max=1, help="For --set-threshold auto: share of what is shown to be accepted.")
    ] = 0.3,
    clear: Annotated[bool, typer.Option("--clear", help="Delete all counts, and the threshold.")] = False,
    json: JsonOption = False,
) -> None:
    """Say how many suggestions were shown and accepted in your editors, and how many characters that saved.

    The counts are kept on this machine, without any text or name of a file, and go nowhere.
    """
    from codling.complete.acceptance import Acceptance, by_threshold

    kept = Acceptance()
    if clear:
        kept.clear()
        if json:
            print_json({"cleared": str(kept.path)})
        else:
            print(f"deleted: {kept.path}")
        return
    counts = kept.counts(days)
    rows = by_threshold(counts)
    if set_threshold is not None:
        _set(kept, set_threshold, rows, precision)
    if json:
        print_json(_plain(kept, counts, rows))
        return
    _print(kept, counts)
    if thresholds or set_threshold is not None:
        _print_thresholds(rows, kept.threshold)


def _set(kept: Acceptance, wanted: str, rows: list[ThresholdRow], precision: float) -> None:
    from codling.complete.acceptance import lowest_threshold
    from codling.errors import ConfigError, InputError

    if wanted == "none":
        kept.set_threshold(None)
        return
    if wanted == "auto":
        found = lowest_threshold(rows, precision)
        if found is None:
            raise InputError(
                f"under no threshold were {precision:.0%} of at least 50 suggestions accepted; try a lower --precision"
            )
        kept.set_threshold(found.threshold)
        return
    try:
        kept.set_threshold(float(wanted))
    except ValueError:
        raise ConfigError(f"--set-threshold takes a probability, auto or none, not {wanted!r}") from None


def _totals(counts: Iterable[Count]) -> dict[str, Any]:
    shown = accepted = chars = 0
    for count in counts:
        shown, accepted, chars = shown + count.shown, accepted + count.accepted, chars + count.chars
    precision = min(1.0, accepted / shown) if shown else None
    return {"shown": shown, "accepted": accepted, "chars_saved": chars, "precision": precision}


def _groups(counts: list[Count], key: str) -> dict[str, dict[str, Any]]:
    names = sorted({getattr(count, key) for count in counts})
    return {name: _totals(count for count in counts if getattr(count, key) == name) for name in names}


def _plain(kept: Acceptance, counts: list[Count], rows: list[ThresholdRow]) -> dict[str, Any]:
    import dataclasses

    return {
        "path": str(kept.path),
        "threshold": kept.threshold,
        "since": counts[0].day if counts else None,
        **_totals(counts),
        "languages": _groups(counts, "language"),
        "clients": _groups(counts, "client"),
        "origins": _groups(counts, "origin"),
        "thresholds": [dataclasses.asdict(row) for row in rows],
    }


def _print(kept: Acceptance, counts: list[Count]) -> None:
    if not counts:
        print(f"nothing has been counted ({kept.path})")
        return
    print(f"{'':16} {'shown':>8} {'accepted':>9} {'share':>6} {'characters saved':>17}")
    groups = {f"since {counts[0].day}": _totals(counts), **_groups(counts, "language"), **_groups(counts, "client")}
    described = [count for count in counts if count.origin == "description"]
    if described:
        groups["from comments"] = _totals(described)
    for name, row in groups.items():
        share = "" if row["precision"] is None else f"{row['precision']:.0%}"
        print(f"{name[:16]:16} {row['shown']:8,} {row['accepted']:9,} {share:>6} {row['chars_saved']:17,}")
    if kept.threshold is not None:
        print(f"shown unasked from a probability of {kept.threshold:g} on")


def _print_thresholds(rows: list[ThresholdRow], threshold: float | None) -> None:
    print(f"\n{'threshold':>9} {'shown':>8} {'of all':>7} {'accepted':>9} {'share':>6} {'characters saved':>17}")
    for row, above in zip(rows, [*rows[1:], None], strict=True):
        is_set = threshold is not None and abs(threshold - row.threshold) < 1e-9
        if row.shown and (is_set or above is None or above.shown < row.shown):  # others would show the same
            mark = "  <- set" if is_set else ""
            print(
                f"{row.threshold:9.2f} {row.shown:8,} {row.coverage:7.0%} {row.accepted:9,} {row.precision:6.0%} "
                f"{row.chars:17,}{mark}"
            )
