"""The few types that several rooms share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Completion", "Kind", "Origin", "Score", "Suggestion"]

Kind = Literal["token", "line", "block"]
"How far a suggestion reaches: to the end of the next token, of the line, or of the block (its dedent)."


Origin = Literal["code", "description"]
"What a suggestion goes on from: the code before the cursor, or the comment or documentation that says what is wanted."


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """One text that may be inserted at the cursor."""

    text: str
    score: float
    "Probability of the whole text under the model, in (0, 1]; of a program from a description, the writer's score."
    origin: Origin = "code"


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """The answer to one request: suggestions, best first, and what they cost."""

    suggestions: tuple[Suggestion, ...]
    ms: float
    "Wall-clock time from request to answer, in milliseconds."
    model: str
    "Name of the bundle that answered."


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How well a model predicts a text."""

    loss_nats: float
    "Mean negative log-likelihood per predicted unit, in nats."
    bits_per_char: float
    "The same information, in bits per Unicode character of the text."
    accuracy: float
    "Share of units whose most likely prediction was right, in [0, 1]; Keras calls it categorical accuracy."
    num_units: int
    num_chars: int
    num_files: int
