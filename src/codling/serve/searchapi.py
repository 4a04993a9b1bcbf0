"""The endpoints of code search: each reads its message, has the indexes asked on a thread, and writes the answer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from codling.errors import nearest
from codling.search.marks import marks
from codling.search.query import Filters, Query, QueryError, parse_query
from codling.search.results import Hit, Results
from codling.search.unit import KINDS
from codling.serve.body import read_message
from codling.serve.codebase import Codebase, NotIndexedError
from codling.serve.desk import Desk
from codling.serve.events import answer
from codling.serve.messages import encode
from codling.serve.search_messages import (
    DefinitionRequest,
    ExplainRequest,
    ExplainResponse,
    FacetMessage,
    FileRequest,
    FileResponse,
    HitMessage,
    PlaceMessage,
    RelatedRequest,
    ReposResponse,
    SearchRequest,
    SearchResponse,
    SnippetMessage,
    UnitMessage,
)

__all__ = ["SearchApi", "with_filters"]

_COUNTED = 100  # hits that facets count
_FACETS_MS = 100  # for counting what filters leave out: an expression that takes long is not run four times
_FACET_VALUES = 12


@dataclass(frozen=True, kw_only=True)
class SearchApi:
    code: Codebase
    desk: Desk

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/api/search", self.search, methods=["POST"]),
            Route("/api/search/related", self.related, methods=["POST"]),
            Route("/api/search/definition", self.definition, methods=["POST"]),
            Route("/api/search/explain", self.explain, methods=["POST"]),
            Route("/api/search/file", self.file, methods=["POST"]),
            Route("/api/search/repos", self.repos),
        ]

    async def search(self, request: Request) -> Response:
        message = await read_message(request, SearchRequest)
        return await self._answer(request, lambda: self.find(message), message.session)

    async def related(self, request: Request) -> Response:
        message = await read_message(request, RelatedRequest)
        return await self._answer(request, lambda: self._related(message), message.session)

    async def definition(self, request: Request) -> Response:
        message = await read_message(request, DefinitionRequest)

        def work() -> SearchResponse:
            indexing = self._is_indexing()
            results = self.code.indexes().definition(message.name, message.limit)
            return self._listed(results, Query(raw=message.name, text=message.name), message.lines, indexing)

        return await self._answer(request, work, message.session)

    async def explain(self, request: Request) -> Response:
        message = await read_message(request, ExplainRequest)
        return await self._answer(request, lambda: self._explain(message), message.session)

    async def file(self, request: Request) -> Response:
        message = await read_message(request, FileRequest)
        return await self._answer(request, lambda: self._file(message))

    async def repos(self, _: Request) -> Response:
        return _json(ReposResponse(repos=[repo.message for repo in self.code.repos]))

    async def _answer(self, request: Request, work: Callable[[], object], session: str | None = None) -> Response:
        return await answer(request, self.desk, lambda _: work(), session)

    def find(self, message: SearchRequest) -> SearchResponse:
        """The answer, computed in the caller's thread."""
        query = parse_query(message.query)
        query = replace(query, filters=_filters(message, query.filters))
        start, indexing = time.perf_counter(), self._is_indexing()
        num = max(message.limit, _COUNTED) if message.facets else message.limit
        results = self.code.indexes(message.repos).search(message.query, num, query.filters)
        facets = None
        if message.facets:
            facets = self._facets(message, query.filters, results.hits, start)
            results = replace(results, hits=results.hits[: message.limit])
        return self._listed(results, query, message.lines, indexing, facets)

    def _related(self, message: RelatedRequest) -> SearchResponse:
        indexing = self._is_indexing()
        if message.path is not None and message.code is None:
            repo, path = self.code.holding(message.path, message.repo)
            results = self.code.first_from(repo).find_related(path, message.line, k=message.limit)
        else:
            results = self.code.indexes().find_related(message.path, code=message.code, k=message.limit)
        return self._listed(results, Query(raw="", text=""), message.lines, indexing)

    def _explain(self, message: ExplainRequest) -> ExplainResponse:
        filters = _filters(message, parse_query(message.query).filters)
        found = self.code.indexes(message.repos).explain(message.query, message.unit, filters=filters)
        return ExplainResponse(
            rank=found.rank,
            score=None if found.hit is None else found.hit.score,
            parts={} if found.hit is None else found.hit.parts,
            stores=found.stores,
            candidate=found.candidate,
        )

    def _file(self, message: FileRequest) -> FileResponse:
        repo, path = self.code.holding(message.path, message.repo)
        assert repo.index is not None
        text = repo.index.text(path)
        if text is None:  # it has gone since
            raise NotIndexedError(f"{path} is in no index that is searched")
        entries = repo.index.units(path)
        lines = text.split("\n")
        return FileResponse(
            repo=repo.name,
            path=path,
            language=entries[0].language if entries else "text",
            first=message.first,
            num_lines=len(lines),
            text="\n".join(lines[message.first - 1 : message.last]),
            units=[
                UnitMessage(
                    name=entry.name,
                    qualified_name=entry.qualified_name,
                    kind=entry.kind,
                    line=entry.line,
                    top_line=entry.top_line,
                    end_line=entry.end_line,
                )
                for entry in entries
            ],
        )

    def _facets(
        self, message: SearchRequest, filters: Filters, hits: Sequence[Hit], start: float
    ) -> dict[str, list[FacetMessage]]:
        """A facet that filters shows what there would be without that filter, so that one can choose otherwise."""

        def hits_of(filters: Filters, repos: Sequence[str] = message.repos) -> Sequence[Hit]:
            if (time.perf_counter() - start) * 1000 > _FACETS_MS:
                return hits
            return self.code.indexes(repos).search(message.query, _COUNTED, filters).hits

        by_language = hits_of(replace(filters, languages=frozenset())) if filters.languages else hits
        by_kind = hits_of(replace(filters, kinds=frozenset())) if filters.kinds else hits
        by_repo = hits_of(filters, ()) if message.repos else hits
        return {
            "languages": _counted(hit.language for hit in by_language),
            "kinds": _counted(hit.kind for hit in by_kind),
            "repos": _counted(self.code.name_of(hit.root) for hit in by_repo),
            "paths": _counted(_folders([hit.path for hit in hits])),
        }

    def _is_indexing(self) -> bool:
        """Whether a folder has no index yet; asked before a search, which misses what comes while it runs."""
        return any(repo.index is None and not repo.settled.is_set() for repo in self.code.repos)

    def _listed(
        self,
        results: Results,
        query: Query,
        num_lines: int,
        indexing: bool,
        facets: dict[str, list[FacetMessage]] | None = None,
    ) -> SearchResponse:
        return SearchResponse(
            hits=[self._hit(hit, query, num_lines) for hit in results.hits],
            ms=results.ms,
            complete=results.is_complete,
            indexing=indexing,
            facets=facets,
        )

    def _hit(self, hit: Hit, query: Query, num_lines: int) -> HitMessage:
        return HitMessage(
            repo=self.code.name_of(hit.root),
            path=hit.path,
            line=hit.line,
            top_line=hit.entry.top_line,
            end_line=hit.end_line,
            name=hit.name,
            qualified_name=hit.qualified_name,
            kind=hit.kind,
            signature=hit.signature,
            language=hit.language,
            unit=hit.unit,
            score=hit.score,
            parts=hit.parts,
            folded=[PlaceMessage(path, line) for path, line in hit.folded],
            snippet=_snippet(hit, query, num_lines) if num_lines else None,
        )


def with_filters(
    said: Filters, *, languages: Sequence[str] = (), kinds: Sequence[str] = (), paths: Sequence[str] = ()
) -> Filters:
    """The filters of a query and others beside it: alternatives of each other.

    Raises:
        QueryError: there is no such kind.
    """
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise QueryError(f"unknown kind {unknown[0]!r}{nearest(unknown[0], KINDS)}")
    return replace(
        said,
        languages=said.languages | {name.lower() for name in languages},
        kinds=said.kinds | set(kinds),
        paths=(*said.paths, *paths),
    )


def _filters(message: SearchRequest | ExplainRequest, said: Filters) -> Filters:
    return with_filters(said, languages=message.languages, kinds=message.kinds, paths=message.paths)


def _snippet(hit: Hit, query: Query, num_lines: int) -> SnippetMessage:
    snippet = hit.snippet(num_lines)
    marked: list[tuple[int, int, int]] = []
    for start, end in marks(snippet.text, query):
        row = snippet.text.count("\n", 0, start)
        for line in snippet.text[start:end].split("\n"):
            before = snippet.text[snippet.text.rfind("\n", 0, start) + 1 : start]
            first_utf16 = _utf16(before)
            marked.append((row, first_utf16, first_utf16 + _utf16(line)))
            row, start = row + 1, start + len(line) + 1
    return SnippetMessage(line=snippet.line, text=snippet.text, marks=marked)


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _counted(values: Iterable[str]) -> list[FacetMessage]:
    return [FacetMessage(value, num) for value, num in Counter(values).most_common(_FACET_VALUES)]


def _folders(paths: Sequence[str]) -> list[str]:
    """For each path the folder at which they part, as a filter; nothing where all lie together."""
    folders = [path.split("/")[:-1] for path in paths]
    for depth in range(max(map(len, folders), default=0)):
        parts = {tuple(folder[: depth + 1]) for folder in folders}
        if len(parts) > 1:
            return ["/" + "/".join(folder[: depth + 1]) + "/**" for folder in folders if len(folder) > depth]
    return []


def _json(message: object) -> Response:
    return Response(encode(message), media_type="application/json")
