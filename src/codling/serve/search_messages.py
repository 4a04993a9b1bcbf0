"""What goes over the wire about code search."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from codling.serve.messages import Name

__all__ = [
    "DefinitionRequest",
    "ExplainRequest",
    "ExplainResponse",
    "FacetMessage",
    "FileRequest",
    "FileResponse",
    "HitMessage",
    "PlaceMessage",
    "RelatedRequest",
    "RepoMessage",
    "RepoState",
    "ReposResponse",
    "SearchRequest",
    "SearchResponse",
    "SnippetMessage",
    "UnitMessage",
]

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
