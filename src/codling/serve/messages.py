"""What goes over the wire: the one definition of every request and answer, whatever the protocol.

Requests are strict. A field that is not known, a value of another type or out of its range is refused with a line that
names it, so that a misspelt option never passes for a default.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from codling.errors import InputError
from codling.types import Completion, Kind, Origin, Suggestion

__all__ = [
    "MAX_BODY_BYTES",
    "CompleteRequest",
    "CompleteResponse",
    "ErrorMessage",
    "FeedbackRequest",
    "ModelList",
    "ModelRow",
    "SampleDone",
    "SamplePiece",
    "SampleRequest",
    "StageMessage",
    "SuggestionMessage",
    "decode",
    "encode",
]

MAX_BODY_BYTES = 4 << 20
"A request body of more is refused: no source file that a person edits is as large."

_MAX_TEXT = 1_000_000  # characters; the models read the last few thousand before the cursor
_MAX_SAMPLE = 20_000  # characters; more than a file of code has

Text = Annotated[str, Meta(max_length=_MAX_TEXT)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Temperature = Annotated[float, Meta(ge=0, le=2)]

_SURROGATE = re.compile("[\ud800-\udfff]")

M = TypeVar("M")


class CompleteRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True):
    """What an editor knows when a person stops typing."""

    language: Annotated[str, Meta(max_length=50)]
    prefix: Text
    "Everything before the cursor, or at least its last few thousand characters."
    suffix: Text = ""
    path: Annotated[str, Meta(max_length=4_096)] | None = None
    """Where the text comes from; of a file in the server's project, it says which. Nothing is ever read from it."""
    kind: Kind = "line"
    limit: Annotated[int, Meta(ge=1, le=50)] = 1
    "Most suggestions that are wanted."
    model: Name | None = None
    "None for the server's default."
    temperature: Temperature = 0.0
    in_comments: bool = False
    "Suggest within comments and documentation, too."
    from_comments: bool = False
    "On the empty line below a comment or documentation, offer the program that it describes."
    session: Name | None = None
    "Requests of one session overtake each other: a newer one cancels the older."


class SuggestionMessage(Struct, frozen=True, omit_defaults=True):
    text: str
    score: float
    "Probability of the whole text under the model, in (0, 1]; of a program from a description, the writer's score."
    origin: Origin = "code"
    "What it goes on from: the code, or a description above the cursor."

    @classmethod
    def of(cls, suggestion: Suggestion) -> SuggestionMessage:
        return cls(suggestion.text, suggestion.score, suggestion.origin)


class CompleteResponse(Struct, frozen=True, kw_only=True):
    suggestions: list[SuggestionMessage]
    "Best first."
    ms: float
    model: str

    @classmethod
    def of(cls, completion: Completion, model: str) -> CompleteResponse:
        """Of a model's answer, under the name by which the server knows it."""
        return cls(
            suggestions=[SuggestionMessage.of(suggestion) for suggestion in completion.suggestions],
            ms=completion.ms,
            model=model,
        )


class StageMessage(Struct, frozen=True, kw_only=True):
    """One event of a streamed completion: an answer that reaches further than the one before."""

    kind: Kind
    suggestions: list[SuggestionMessage]
    ms: float
    model: str


class FeedbackRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What became of suggestions, for `codling stats`."""

    language: Annotated[str, Meta(max_length=50)]
    score: Annotated[float, Meta(ge=0, le=1)]
    "Of the suggestion, as it was answered."
    client: Annotated[str, Meta(min_length=1, max_length=50)] = "http"
    shown: Annotated[int, Meta(ge=0, le=1_000)] = 0
    accepted: Annotated[int, Meta(ge=0, le=1_000)] = 0
    chars: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    "Inserted by accepting."
    origin: Origin = "code"
    "Of the suggestion; those from descriptions are counted apart."


class SampleRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A longer continuation, drawn from the model and streamed."""

    prompt: Text
    model: Name | None = None
    temperature: Temperature = 0.8
    "0 is greedy."
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    "0 for all tokens."
    top_p: Annotated[float, Meta(gt=0, le=1)] = 1.0
    max_chars: Annotated[int, Meta(ge=1, le=_MAX_SAMPLE)] = 300
    stop: Annotated[list[Name], Meta(max_length=16)] = []  # msgspec copies an empty default for every message
    "The sample ends before the first of these texts."
    seed: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | None = None
    session: Name | None = None


class SamplePiece(Struct, frozen=True):
    text: str


class SampleDone(Struct, frozen=True, kw_only=True):
    chars: int
    ms: float
    model: str


class ModelRow(Struct, frozen=True, kw_only=True):
    name: str
    description: str
    languages: list[str]
    bytes: int
    "Size on disk."


class ModelList(Struct, frozen=True, kw_only=True):
    default: str
    models: list[ModelRow]


class ErrorMessage(Struct, frozen=True):
    error: str


def decode(body: bytes | str, message: type[M]) -> M:
    """Read a JSON message.

    Raises:
        InputError: no JSON, not UTF-8, or not this message; the line names the field.
    """
    try:
        return msgspec.json.decode(body, type=message)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InputError(f"the request is not understood: {' '.join(str(error).split())}") from None


def encode(message: object) -> bytes:
    """Write a message as JSON in UTF-8, on one line; half of a surrogate pair, which has no UTF-8, as U+FFFD."""
    try:
        return msgspec.json.encode(message)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(message), ensure_ascii=False)
        return _SURROGATE.sub("\ufffd", text).encode()
