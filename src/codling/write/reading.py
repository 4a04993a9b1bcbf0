"""Examples as people write them, all of one program."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from codling.errors import InputError
from codling.write.examples import Example, read_example

__all__ = ["read_examples"]


def read_examples(texts: Sequence[str]) -> list[Example]:
    """Examples that ask for the same program: each ``inputs=value``, as read_example takes them.

    Raises:
        InputError: one is not of this form, or they have other inputs than the first.
    """
    examples = [_read(text) for text in texts]
    for text, example in zip(texts, examples, strict=True):
        first, here = examples[0].case, example.case
        counts = [len(case.args) + len(case.names) for case in (first, here)]
        if counts[0] != counts[1]:
            raise InputError(
                f"{text!r} has {_inputs(counts[1])} and {texts[0]!r} {counts[0]}; give all the same inputs"
            )
        if first.names and here.names and first.names.keys() != here.names.keys():
            names = " and ".join(", ".join(case.names) for case in (here, first))
            raise InputError(f"{text!r} and {texts[0]!r} name different inputs ({names}); give all the same inputs")
    return examples


def _inputs(count: int) -> str:
    return "1 input" if count == 1 else f"{count} inputs"


def _read(text: str) -> Example:
    try:
        return read_example(text)
    except InputError:
        bare = _bare_word(text)
        if bare is not None:
            what = f"{bare} is no literal; a string stands in quotes, as '{bare}'"
            raise InputError(f"{text!r} is no example: {what}") from None
        how = "write inputs=value with Python's literals, strings in quotes"
        raise InputError(f"{text!r} is no example; {how}, as in [3, 1]=[1, 3] or s='a b'=2") from None


def _bare_word(text: str) -> str | None:
    """A name where a literal is due; None if that is not what is wrong."""
    for part in (text.rpartition("=")[2], text.rpartition("=")[0]):
        try:
            call = ast.parse(f"f({part.strip()})", mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        assert isinstance(call, ast.Call)
        for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
            if isinstance(value, ast.Name) and value.id not in ("inf", "nan"):
                return value.id
    return None
