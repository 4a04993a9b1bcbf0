"""What goes over the wire about programs from descriptions."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from codling.serve.messages import Name
from codling.write.derivation import Source

__all__ = [
    "FoundMessage",
    "ProgramMessage",
    "ResultMessage",
    "StepMessage",
    "WriteRequest",
    "WriteResponse",
    "WriterMessage",
]


class WriterMessage(Struct, frozen=True, kw_only=True):
    """Whether programs can be written here."""

    model: str | None
    "None where there is no bundle that writes."
    reason: str
    "Why there is none; empty when there is one."
    description: str
    "Of the bundle."


class WriteRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a program should do."""

    text: Annotated[str, Meta(max_length=4_000)]
    "The description; the model reads its first 160 words."
    limit: Annotated[int, Meta(ge=1, le=10)] = 5
    "Most candidates that are wanted; with examples, passing ones that are enough."
    beam: Annotated[int, Meta(ge=1, le=60)] = 5
    "Programs that the search follows at once; with examples it grows by itself."
    examples: Annotated[list[Annotated[str, Meta(max_length=1_000)]], Meta(max_length=20)] = []
    "As IN=OUT on the command line. Without any, no program is run."
    seconds: Annotated[float, Meta(gt=0, le=20)] = 10.0
    "With examples: time for trying programs."
    steps: bool = True
    "Tell how each candidate came about."
    session: Name | None = None
    "Requests of one session overtake each other."


class ResultMessage(Struct, frozen=True, kw_only=True):
    """What a program did with one example."""

    passed: bool
    value: str | None
    "What it gave, as Python writes it, cut after 200 characters; None where it gave nothing."
    why: str
    "Why it gave nothing."


class StepMessage(Struct, frozen=True, kw_only=True):
    """One action of a program, in the order in which they were taken."""

    kind: Literal["node", "token", "end"]
    label: str
    parent: int
    "The step that opened the slot; -1 for the root."
    field: str
    type: str
    source: Source
    probability: float
    weights: list[float]
    "How much it looked at each word of the description."
    parts: list[tuple[str, bool]]
    "What a text was spelt from, and whether that was copied."
    span: tuple[int, int] | None
    "UTF-16 units of the code; None for what has no place of its own."


class ProgramMessage(Struct, frozen=True, kw_only=True):
    code: str
    score: float
    "In [0, 1], what candidates are ordered by."
    probability: float
    "Of this very program."
    results: list[ResultMessage]
    "By example."
    steps: list[StepMessage]


class FoundMessage(Struct, frozen=True, kw_only=True):
    """What has been found so far: one event of a stream."""

    candidates: list[ProgramMessage]
    "Best first, without steps."
    tried: int
    "Programs that were run on the examples."
    ms: float


class WriteResponse(Struct, frozen=True, kw_only=True):
    candidates: list[ProgramMessage]
    "Best first. With examples: those that pass all of them; where none does, those that pass most."
    words: list[str]
    "The description as the model read it."
    tried: int
    ms: float
    model: str
