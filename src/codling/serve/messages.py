"""What goes over the wire: the one definition of every request and answer, whatever the protocol.

Requests are strict. A field that is not known, a value of another type or out of its range is refused with a line that
names it, so that a misspelt option never passes for a default.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from codling.errors import InputError
from codling.types import Completion, Kind

__all__ = [
    "MAX_BODY_BYTES",
    "CompleteRequest",
    "CompleteResponse",
    "DefinitionRequest",
    "ErrorMessage",
    "ExplainRequest",
    "ExplainResponse",
    "FacetMessage",
    "FeedbackRequest",
    "FileRequest",
    "FileResponse",
    "HitMessage",
    "ModelList",
    "ModelRow",
    "PlaceMessage",
    "ProgramRunRequest",
    "ProgramRunResponse",
    "ProgramTaskMessage",
    "ProgramsResponse",
    "ProofMessage",
    "RelatedRequest",
    "RepoMessage",
    "ReposResponse",
    "SampleDone",
    "SamplePiece",
    "SampleRequest",
    "SearchRequest",
    "SearchResponse",
    "SnippetMessage",
    "StageMessage",
    "SuggestionMessage",
    "UnitMessage",
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


class CompleteRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
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
    session: Name | None = None
    "Requests of one session overtake each other: a newer one cancels the older."


class SuggestionMessage(Struct, frozen=True):
    text: str
    score: float
    "Probability of the whole text under the model, in (0, 1]."


class CompleteResponse(Struct, frozen=True, kw_only=True):
    suggestions: list[SuggestionMessage]
    "Best first."
    ms: float
    model: str

    @classmethod
    def of(cls, completion: Completion, model: str) -> CompleteResponse:
        """Of a model's answer, under the name by which the server knows it."""
        return cls(
            suggestions=[SuggestionMessage(suggestion.text, suggestion.score) for suggestion in completion.suggestions],
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


Values = Annotated[list[Name], Meta(max_length=64)]
Line = Annotated[int, Meta(ge=1, le=100_000_000)]
RepoState = Literal["waiting", "indexing", "updating", "ready", "failed"]


class _Listed(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What every request for a list of hits may say."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    "Most hits that are wanted."
    lines: Annotated[int, Meta(ge=0, le=100)] = 8
    "Of code to show with each hit."
    session: Name | None = None
    "Requests of one session overtake each other."


class _Filtered(_Listed, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where to look, on top of what the query says itself. Values of one filter are alternatives."""

    query: Annotated[str, Meta(max_length=4_000)]
    languages: Values = []
    kinds: Values = []
    paths: Values = []
    "Parts of a path, or globs; one that begins with / stands at the root."
    repos: Values = []
    "Names of repositories, as /api/search/repos has them."


class SearchRequest(_Filtered, frozen=True, kw_only=True):
    """A name, a definition, or a description, to find code by."""

    facets: bool = False
    "Count the hits by language, kind, repository and folder."


class ExplainRequest(_Filtered, frozen=True, kw_only=True):
    """Why a unit is where it is in the list for a query."""

    unit: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]


class RelatedRequest(_Listed, frozen=True, kw_only=True):
    """Code like the code at a line of an indexed file, or like a text."""

    repo: Name | None = None
    "Where the file is; None for the first repository that has it."
    path: Annotated[str, Meta(max_length=4_096)] | None = None
    line: Line = 1
    code: Annotated[str, Meta(max_length=100_000)] | None = None
    "In place of a path."


class DefinitionRequest(_Listed, frozen=True, kw_only=True):
    """Where a name is defined; ``Class.method`` narrows it down."""

    name: Name


class FileRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Lines of a file as it was indexed. A file that no index has is not there, wherever the path leads."""

    path: Annotated[str, Meta(max_length=4_096)]
    repo: Name | None = None
    first: Line = 1
    last: Line | None = None
    "Inclusive; None for the file's last."


class PlaceMessage(Struct, frozen=True):
    path: str
    line: int


class SnippetMessage(Struct, frozen=True, kw_only=True):
    """Some lines of a hit."""

    line: int
    "1-based, of the first."
    text: str
    marks: list[tuple[int, int, int]]
    "What answers the query: row in the snippet, beginning and end in it, in UTF-16 units."


class HitMessage(Struct, frozen=True, kw_only=True):
    repo: str
    path: str
    "Below the repository's root, with / between folders."
    line: int
    "1-based; of the definition's head."
    top_line: int
    "With the comments and decorators above it."
    end_line: int
    name: str
    "Empty for a stretch of text."
    qualified_name: str
    kind: str
    signature: str
    language: str
    unit: str
    score: float
    "Comparable within one list."
    parts: dict[str, float]
    "They add up to the score."
    folded: list[PlaceMessage]
    "Copies that this one stands for."
    snippet: SnippetMessage | None


class FacetMessage(Struct, frozen=True):
    value: str
    hits: int


class SearchResponse(Struct, frozen=True, kw_only=True):
    hits: list[HitMessage]
    "Best first."
    ms: float
    complete: bool
    "Whether an exact search has looked everywhere; otherwise it stopped at a bound on time or number."
    indexing: bool
    "Whether a repository that was asked has no index yet, and so no hits."
    facets: dict[str, list[FacetMessage]] | None = None
    "The first hundred hits by languages, kinds, repos and paths; each as if it had no filter of its own."


class ExplainResponse(Struct, frozen=True, kw_only=True):
    rank: int | None
    "1-based; None if the unit is not among the candidates."
    score: float | None
    parts: dict[str, float]
    "They add up to the score."
    stores: dict[str, dict[str, float]]
    "What the score of each store is made of."
    candidate: dict[str, float]
    "The stores' scores."


class UnitMessage(Struct, frozen=True, kw_only=True):
    name: str
    qualified_name: str
    kind: str
    line: int
    top_line: int
    end_line: int


class FileResponse(Struct, frozen=True, kw_only=True):
    repo: str
    path: str
    language: str
    first: int
    "1-based line with which the text begins."
    num_lines: int
    "Of the whole file."
    text: str
    units: list[UnitMessage]
    "Of the whole file, by line, outer before inner."


class RepoMessage(Struct, frozen=True, kw_only=True):
    """One folder that is searched."""

    name: str
    root: str
    state: RepoState
    "It answers when updating and ready."
    done: int
    total: int
    "Files done, and of all; 0 before they are counted."
    files: int
    units: int
    neural: bool
    "Whether it is searched by meaning, too."
    languages: dict[str, int]
    kinds: dict[str, int]
    "Units by each."
    error: str | None


class ReposResponse(Struct, frozen=True, kw_only=True):
    repos: list[RepoMessage]


class ProofMessage(Struct, frozen=True, kw_only=True):
    """What the certificate of a learned program says."""

    sizes: str
    "Of the inputs that it speaks of."
    frames: int
    decisions: int
    "In the frames; each was examined."
    margin_nats: float
    "By which the closest of them is right."
    assumes: list[str]


class ProgramTaskMessage(Struct, frozen=True, kw_only=True):
    """One task that a bundle has learned."""

    name: str
    summary: str
    usage: str
    "The words of a problem, in words."
    example: list[str]
    proof: ProofMessage | None


class ProgramsResponse(Struct, frozen=True, kw_only=True):
    model: str | None
    "None where there is no bundle of learned programs."
    reason: str
    "Why there are no tasks; empty when there are."
    tasks: list[ProgramTaskMessage]


class ProgramRunRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A problem that a learned program is to be watched with."""

    task: Name
    words: Annotated[list[Annotated[str, Meta(max_length=1_000)]], Meta(max_length=500)]
    "The problem, as on the command line."
    max_steps: Annotated[int, Meta(ge=1, le=5_000)] = 5_000
    "About a millisecond and 400 bytes each."
    session: Name | None = None


class ProgramRunResponse(Struct, frozen=True, kw_only=True):
    trace: dict[str, Any]
    "The run, as docs/npi-trace.md describes it."
    proof: ProofMessage | None
    ms: float


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
