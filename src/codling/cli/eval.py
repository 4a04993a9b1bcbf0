"""codling eval: how good is a model, on whose files?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.output import JsonOption, print_json, progress
from codling.errors import InputError

if TYPE_CHECKING:
    from codling.bundle import Card

__all__ = ["app"]

app = typer.Typer(help="Measure how well a model predicts code.", no_args_is_help=True)

MAX_RAW_BYTES = 16 << 20  # per file, where no cleaning sets a limit


@app.callback()
def _eval() -> None:
    pass  # a group, although it has one command yet


@app.command("lm")
def lm(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders whose source files are taken.")],
    model: Annotated[str | None, typer.Option(help="A bundle's name or path.")] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Read files as they are, instead of cleaned as the model's training text was.")
    ] = False,
    per_file: Annotated[bool, typer.Option("--per-file", help="Give every file's own score too.")] = False,
    threads: Annotated[int, typer.Option(min=0, help="Cores to use; 0 for all.")] = 0,
    json: JsonOption = False,
) -> None:
    """Measure loss and accuracy of a language model on files that it should not have seen.

    Each file is a document of its own, predicted character by character (or unit by unit) from all that comes before.
    """
    import time

    from codling.bundle import default_model
    from codling.engine.evaluation import score_texts, total
    from codling.engine.model import load_model

    network = load_model(model or default_model(), threads=threads)
    texts: dict[str, str] = {}
    dropped: Counter[str] = Counter()
    for name, data, language in _read(paths, network.card, raw):
        text, reason = _clean(data, language, network.card, raw)
        if reason:
            dropped[reason] += 1
        else:
            texts[name] = text
    if not texts:
        reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        raise InputError(f"there is nothing to evaluate on{': ' + reasons if reasons else ''}")
    started = time.perf_counter()
    with progress() as bar:
        task = bar.add_task("characters", total=sum(map(len, texts.values())))
        scores = score_texts(network, list(texts.values()), progress=lambda num_chars: bar.advance(task, num_chars))
    score = total(scores)
    report = {
        "model": network.name,
        "loss_nats": score.loss_nats,
        "bits_per_char": score.bits_per_char,
        "accuracy": score.accuracy,
        "num_units": score.num_units,
        "num_chars": score.num_chars,
        "num_files": score.num_files,
        "cleaned": not raw,
        "dropped": dict(sorted(dropped.items())),
        "seconds": round(time.perf_counter() - started, 3),
    }
    rows = [
        {
            "path": name,
            "loss_nats": one.loss_nats,
            "bits_per_char": one.bits_per_char,
            "accuracy": one.accuracy,
            "num_units": one.num_units,
            "num_chars": one.num_chars,
        }
        for name, one in zip(texts, (row.score() for row in scores), strict=True)
    ]
    if json:
        print_json(report | ({"files": rows} if per_file else {}))
        return
    print(f"{'loss, nats':>10} {'bits/char':>10} {'accuracy':>9} {network.vocab.unit + 's':>12}")
    for row in rows if per_file else []:
        print(_line(row), row["path"])
    print(_line(report), f"{network.name} on {score.num_files:,} files, {'as they are' if raw else 'cleaned'}")
    for reason, count in sorted(dropped.items()):
        print(f"dropped {count:,}: {reason}")


def _line(row: dict[str, Any]) -> str:
    """Numbers under the headings; a table would cut long paths off."""
    scores = f"{row['loss_nats']:10.4f} {row['bits_per_char']:10.4f} {row['accuracy']:9.4f}"
    return f"{scores} {row['num_units']:12,}"


def _read(paths: list[Path], card: Card, raw: bool) -> Iterator[tuple[str, bytes | None, str]]:
    """Name, content (None if it cannot be read) and language of each file; in a folder, those that the model knows.

    Raises:
        InputError: a path does not exist, or a file whose language nobody knows is to be cleaned.
    """
    from codling.corpus.languages import language_of_path
    from codling.corpus.readers import list_folder

    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise InputError(f"no file or folder {path}")
        if not (path.is_file() or path.is_dir()):  # a pipe may never end
            raise InputError(f"{path} is neither a file nor a folder")
        files = [path / name for name in list_folder(path)] if path.is_dir() else [path]
        for file in files:
            language = language_of_path(file.name)
            if path.is_dir() and (language is None or language.name not in card.languages):
                continue
            if language is None and not raw:
                raise InputError(f"cannot clean {file}: no language has the suffix {file.suffix!r}; use --raw")
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield str(file), _content(file), language.name if language else ""


def _content(file: Path) -> bytes | None:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_RAW_BYTES + 1)
    except OSError:
        return None


def _clean(data: bytes | None, language: str, card: Card, raw: bool) -> tuple[str, str]:
    """A file's text as the model wants it, or the reason why it has none."""
    from codling.config import from_mapping
    from codling.corpus.clean import CleanConfig, Dropped, clean

    if data is None:
        return "", "unreadable"
    if raw:
        if len(data) > MAX_RAW_BYTES:
            return "", "too-large"
        if b"\0" in data:
            return "", "binary"
        try:
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            return "", "encoding"
    else:
        cleaned = clean(data, language, from_mapping(CleanConfig, card.cleaning, "the card's cleaning"))
        if isinstance(cleaned, Dropped):
            return "", cleaned.reason
        text = cleaned.text
    return text, "" if text.strip() else "empty"
