"""codling sample: text drawn from a model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from codling.cli.output import JsonOption, print_json
from codling.errors import InputError

__all__ = ["sample"]


def sample(
    prompt: Annotated[
        str | None, typer.Argument(help="Text to continue; - reads it from stdin. Empty for a new file.")
    ] = None,
    prompt_file: Annotated[Path | None, typer.Option(help="Read the prompt from a file.")] = None,
    model: Annotated[str | None, typer.Option(help="A bundle's name or path.")] = None,
    length: Annotated[int, typer.Option(help="Characters to draw at most.")] = 300,
    temperature: Annotated[
        float, typer.Option(help="Below 1 prefers the likely, above 1 the unlikely; 0 is greedy.")
    ] = 0.8,
    top_k: Annotated[int, typer.Option(help="Draw among this many most likely tokens only; 0 for all.")] = 0,
    top_p: Annotated[
        float, typer.Option(help="Draw among the most likely tokens that make up this probability.")
    ] = 1.0,
    greedy: Annotated[bool, typer.Option("--greedy", help="Always take the most likely token.")] = False,
    seed: Annotated[int | None, typer.Option(help="Same seed, same sample.", show_default=False)] = None,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="End before this text; may be given more than once.")
    ] = None,
    no_loop_guard: Annotated[
        bool, typer.Option("--no-loop-guard", help="Let the model run into loops, such as of spaces.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Continue a prompt with text drawn from a model, and print it as it comes (without the prompt)."""
    import secrets
    import time

    from codling.bundle import default_model
    from codling.complete import Completer
    from codling.engine.sampling import SamplingConfig

    config = SamplingConfig(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        greedy=greedy,
        max_chars=length,
        stop=tuple(stop or ()),
        seed=secrets.randbits(32) if seed is None else seed,
        loop_guard=not no_loop_guard,
    )
    text = _read_prompt(prompt, prompt_file)
    completer = Completer(model or default_model())
    started = time.perf_counter()
    if not json:
        for piece in completer.sample(text, config):
            sys.stdout.write(piece)
            sys.stdout.flush()
        sys.stdout.write("\n")
        return
    drawn = "".join(completer.sample(text, config))
    milliseconds = (time.perf_counter() - started) * 1_000
    print_json(
        {
            "model": completer.model.name,
            "prompt": text,
            "text": drawn,
            "num_chars": len(drawn),
            "seed": config.seed,
            "ms": round(milliseconds, 3),
        }
    )


def _read_prompt(prompt: str | None, prompt_file: Path | None) -> str:
    """The prompt, from wherever it was said to be.

    Raises:
        InputError: it is in two places, cannot be read, or is not text.
    """
    if prompt is not None and prompt_file is not None:
        raise InputError("give a prompt or --prompt-file, not both")
    if prompt_file is None and prompt != "-":
        return prompt or ""
    where = str(prompt_file) if prompt_file is not None else "stdin"
    try:
        if prompt_file is not None and prompt_file.exists() and not (prompt_file.is_file() or prompt_file.is_dir()):
            raise InputError(f"{where} is not a file; give - as the prompt to read it from stdin")
        data = prompt_file.read_bytes() if prompt_file is not None else sys.stdin.buffer.read()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {where}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not UTF-8 text (byte {error.start:,})") from None
