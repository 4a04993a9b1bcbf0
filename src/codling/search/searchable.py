"""What can be asked of an index, or of several as if they were one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from codling.errors import InputError
from codling.search.candidate import Candidate, Ranked
from codling.search.generation import Generation
from codling.search.query import Filters, Query, parse_query
from codling.search.ranking import rank
from codling.search.results import Explanation, Hit, Results
from codling.search.retrieval import NUM_CANDIDATES, request_for, retrieve
from codling.search.store import Floats
from codling.search.unit import Entry

if TYPE_CHECKING:
    from codling.search.index import CodeIndex

__all__ = ["Searchable"]


class Searchable:
    """One index or several: whatever can be asked."""

    @property
    def indexes(self) -> Sequence[CodeIndex]:
        raise NotImplementedError

    def search(self, query: str, k: int = 10, filters: Filters | None = None, *, neural: bool = True) -> Results:
        """The k units that answer a query best.

        Args:
            query: words, names, ``"exact strings"``, ``re:/expressions/`` and filters; see codling.search.query.
            filters: in place of those that the query has.
            neural: ask the encoder, too; without it, words alone count.

        Raises:
            QueryError: the query cannot be read.
            SearchIndexError: an index is damaged or gone.
        """
        start = time.perf_counter()
        parsed = parse_query(query)
        if filters is not None:
            parsed = replace(parsed, filters=filters)
        with self._reading() as generations:
            found = self._ranked(generations, parsed, k, max(k, NUM_CANDIDATES), neural=neural)
        return Results(query=query, hits=found.hits(), ms=_ms_since(start), is_complete=found.is_complete)

    def explain(self, query: str, unit: str, k: int = 1_000, filters: Filters | None = None) -> Explanation:
        """Why a unit is where it is in the list for a query.

        Args:
            unit: its id, as hits have it.
            filters: in place of those that the query has.

        Raises:
            InputError: no unit has that id.
        """
        parsed = parse_query(query)
        if filters is not None:
            parsed = replace(parsed, filters=filters)
        try:
            number = int(unit, 16)
        except ValueError:
            raise InputError(f"{unit!r} is no unit's id; hits have them") from None
        with self._reading() as generations:
            generation = next((each for each in generations if each.catalogue.entries([number])), None)
            if generation is None:
                raise InputError(f"no unit has the id {unit}; it may have changed since")
            for num in (NUM_CANDIDATES, k):  # as a short list has it, or else as a long one does
                found = self._ranked(generations, parsed, k, num)
                place = next((at for at, each in enumerate(found.ranked) if each.candidate.entry.id == number), None)
                if place is not None:
                    break
            request = request_for(parsed, generation, {})
            stores = {generation.lexical.part: generation.lexical.explain(request, number)}
            if generation.neural is not None:
                stores[generation.neural.part] = generation.neural.explain(request, number)
        return Explanation(
            hit=None if place is None else found.hit(found.ranked[place]),
            rank=None if place is None else place + 1,
            stores={name: parts for name, parts in stores.items() if parts},
            candidate={} if place is None else found.ranked[place].candidate.parts,
        )

    def find_related(
        self, path: str | None = None, line: int | None = None, *, code: str | None = None, k: int = 10
    ) -> Results:
        """Code like this code: like the unit at a line of an indexed file, or like a text.

        Args:
            path: below a root, with / between folders, or absolute.
            line: 1-based; None for the file's beginning.
            code: in place of both.

        Raises:
            InputError: neither is given, or no index has the file.
        """
        from codling.search.related import related  # it reads source, which nothing else that is asked does

        start = time.perf_counter()
        if (path is None) == (code is None):
            raise InputError("name a file and a line, or give code")
        origin: tuple[int, Entry] | None = None
        with self._reading() as generations:
            if path is not None:
                origin = self._unit_at(generations, path, line or 1)
            found = _Found(self.indexes, generations, related(generations, origin, code or "", k))
        asked = f"{path}:{line or 1}" if path is not None else "code"
        return Results(query=asked, hits=found.hits(), ms=_ms_since(start))

    def definition(self, name: str, k: int = 10) -> Results:
        """Where a name is defined; ``Class.method`` and ``package.name`` narrow it down."""
        start = time.perf_counter()
        parts = [part for part in name.replace("::", ".").replace("#", ".").replace("->", ".").split(".") if part]
        rows: list[tuple[tuple[Any, ...], Ranked]] = []
        with self._reading() as generations:
            for number, generation in enumerate(generations):
                for entry in generation.catalogue.named(parts[-1]) if parts else ():
                    around = _num_matched(entry, parts[:-1])
                    order = (
                        -around,
                        entry.name != parts[-1],
                        _is_aside(entry),
                        _is_minor(entry),
                        entry.path,
                        entry.line,
                    )
                    rows.append(
                        (order, Ranked(Candidate(entry, {}, number), float(1 + around), {"name": 1.0 + around}))
                    )
        rows.sort(key=lambda each: each[0])
        found = _Found(self.indexes, generations, [each for _, each in rows[:k]])
        return Results(query=name, hits=found.hits(), ms=_ms_since(start))

    @contextmanager
    def _reading(self) -> Iterator[Sequence[Generation]]:
        """The state of each index that counts now: one question sees no other."""
        with ExitStack() as stack:
            yield [stack.enter_context(each.generation().reading()) for each in self.indexes]

    def _ranked(
        self, generations: Sequence[Generation], query: Query, k: int, num: int, *, neural: bool = True
    ) -> _Found:
        """The k best of what each store of each index proposes, num each."""
        found = _Found(self.indexes, generations, [])
        vectors: dict[str, Floats] | None = {} if neural else None
        candidates: list[Candidate] = []
        for number, generation in enumerate(generations):
            if self.indexes[number].is_asked(query.filters):
                retrieved = retrieve(generation, request_for(query, generation, vectors), number, num)
                candidates += retrieved.candidates
                found.marked.update(((number, id_), lines) for id_, lines in retrieved.marked.items())
                found.is_complete = found.is_complete and retrieved.is_complete
        found.ranked = rank(query, candidates, k)
        return found

    def _unit_at(self, generations: Sequence[Generation], path: str, line: int) -> tuple[int, Entry]:
        """The innermost unit at a line, and the number of its index."""
        for number, generation in enumerate(generations):
            entries = generation.catalogue.in_file(self.indexes[number].relative(path))
            if entries:
                holding = [entry for entry in entries if entry.top_line <= line <= entry.end_line]
                if not holding:
                    return number, min(entries, key=lambda entry: abs(entry.line - line))
                # A file that begins with a definition shares that line with its module, which has no text of its own.
                return number, min(holding, key=lambda each: (each.kind == "module", each.end_line - each.top_line))
        raise InputError(f"{path} is in no index that is searched; `codling index` takes up new files")


@dataclass(slots=True)
class _Found:
    """What a query has found, before it is shown."""

    indexes: Sequence[CodeIndex]
    generations: Sequence[Generation]
    ranked: list[Ranked]
    marked: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    "1-based lines that match exactly, by index and unit."
    is_complete: bool = True

    def hits(self) -> tuple[Hit, ...]:
        return tuple(map(self.hit, self.ranked))

    def hit(self, ranked: Ranked) -> Hit:
        entry, number = ranked.candidate.entry, ranked.candidate.index
        index, catalogue = self.indexes[number], self.generations[number].catalogue
        return Hit(
            path=entry.path,
            line=entry.line,
            end_line=entry.end_line,
            name=entry.name,
            qualified_name=entry.qualified_name,
            kind=entry.kind,
            signature=entry.signature,
            language=entry.language,
            score=ranked.score,
            parts=ranked.parts,
            unit=f"{entry.id:016x}",
            root=index.root,
            repo=index.name,
            folded=tuple((each.entry.path, each.entry.line) for each in ranked.folded),
            marked=self.marked.get((number, entry.id), ()),
            entry=entry,
            read=lambda: catalogue.text(entry.path) or "",
        )


def _ms_since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)


def _num_matched(entry: Entry, around: Sequence[str]) -> int:
    """How many of the names that a definition is asked to stand in are where it stands, from the inside out."""
    scopes = [*PurePosixPath(entry.path).with_suffix("").parts, *entry.qualified_name.split(".")[:-1]]
    num = 0
    for wanted in reversed(around):
        if wanted not in scopes:
            return num
        scopes = scopes[: len(scopes) - scopes[::-1].index(wanted) - 1]
        num += 1
    return num


def _is_aside(entry: Entry) -> bool:
    """Whether a definition stands in tests, examples or stubs."""
    parts = {part.lower() for part in PurePosixPath(entry.path).parts}
    return bool(parts & {"test", "tests", "testing", "examples", "docs", "vendor", "_vendor", "third_party"})


def _is_minor(entry: Entry) -> bool:
    return entry.kind in ("constant", "module", "chunk")
