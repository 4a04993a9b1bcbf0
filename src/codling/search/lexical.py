"""The lexical index, embedded: BM25 over weighted fields, names by prefix and with typing errors, trigrams of files.

tantivy keeps it: segments that never change and one file that names them, replaced in one step at a commit, so that a
killed process leaves the commit before. BM25: Robertson & Zaragoza 2009; a unit's score is the sum over fields.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codling.errors import CodlingError
from codling.search.candidate import BM25
from codling.search.store import Document, FileText, Found, Request

if TYPE_CHECKING:
    import tantivy

__all__ = ["BLOCK_OVERLAP", "FIELD_WEIGHTS", "MAX_FILES_ASKED", "LexicalError", "LexicalStore"]

FIELD_WEIGHTS = {"name": 0.4, "place": 0.3, "signature": 0.1, "doc": 0.6, "all": 1.5, "path": 0.3}
"""Fields of terms, and how much a match in each counts. all is documentation and code together: one long field judges a
description better than the sum of many short ones (benchmarks/search.py)."""

_NAME_WEIGHT = 6.0  # the query is exactly what the unit is called, or holds a word that only a name can be
_WORD_WEIGHT = 0.3  # a plain word among others is what the unit is called, which means little: run, get, state
_PREFIX_WEIGHT = 2.0  # … or begins it
_FUZZY_WEIGHT = 2.0  # … or is nearly it
_MIN_PREFIX = 2  # characters; one letter begins everything
_MIN_FUZZY = 4  # characters; shorter names are a typing error away from everything
_TWO_ERRORS = 9  # characters from which on two typing errors are forgiven
_MAX_PREFIXED = 12  # names that a beginning may stand for
BLOCK_OVERLAP = 100
"Characters of an exact string that lie in one block of a text whole."

_BLOCK_CHARS = 3_000  # a file has most trigrams, a screenful only those of what stands in it
_HEAP_BYTES = 64_000_000  # of a writer, before it flushes a segment
MAX_FILES_ASKED = 20_000
"Files that a filter may name in a search; with more of them, what was found is filtered afterwards."

Clauses = list[tuple["tantivy.Occur", "tantivy.Query"]]


class LexicalError(CodlingError):
    """A lexical index that cannot be opened or written."""


class LexicalStore:
    """See codling.search.store.Store. Opening it for reading takes a millisecond; the files are mapped, not read."""

    part = BM25

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Open an index.

        Args:
            create: make an empty one.

        Raises:
            LexicalError: there is none, or it is damaged.
        """
        import tantivy

        self.folder = folder
        try:
            if create:
                folder.mkdir(parents=True)
                self._index = tantivy.Index(_schema(), str(folder))
            else:
                self._index = tantivy.Index.open(str(folder))
            self._index.config_reader("manual")
            _register_tokenizers(self._index)
            self._schema = self._index.schema
            self._searcher = self._index.searcher()
        except (ValueError, OSError) as error:
            raise LexicalError(f"{folder} cannot be opened ({error}); index the project again") from None
        self._open_writer: tantivy.IndexWriter | None = None

    def __len__(self) -> int:
        """Committed units and files together, as of the last refresh."""
        return self._searcher.num_docs

    # Writing

    def upsert(self, documents: Sequence[Document]) -> None:
        import tantivy

        writer = self._writer()
        if len(self):  # in an empty index there is nothing to replace, and looking for it takes time
            self.delete([each.id for each in documents])
        for each in documents:
            row = tantivy.Document()
            row.add_unsigned("id", each.id)
            row.add_unsigned("file", each.file)
            row.add_text("tags", f"unit kind={each.kind} lang={each.language}")
            row.add_text("names", " ".join(each.names))
            for field, terms in each.terms.items():
                if terms:
                    row.add_text(field, terms)
            writer.add_document(row)

    def upsert_texts(self, texts: Sequence[FileText]) -> None:
        """Add files for exact search; a file that is there already must be deleted first."""
        import tantivy

        writer = self._writer()
        for each in texts:
            for block in _blocks(each.text):
                row = tantivy.Document()
                row.add_unsigned("text", each.file)
                row.add_text("trigrams", block)
                writer.add_document(row)

    def delete(self, ids: Sequence[int]) -> None:
        self._delete("id", ids)

    def delete_texts(self, files: Iterable[int]) -> None:
        """Remove files from exact search."""
        self._delete("text", list(files))

    def _delete(self, field: str, values: Sequence[int]) -> None:
        import tantivy

        if values:  # by a query: as a term, tantivy's Python takes a number for a signed one and finds nothing
            query = tantivy.Query.term_set_query(self._schema, field, list(values))
            self._writer().delete_documents_by_query(query)

    def commit(self) -> None:
        if self._open_writer is not None:
            try:
                self._open_writer.commit()
            except (ValueError, OSError) as error:
                raise LexicalError(f"{self.folder} cannot be written ({error}); is the disk full?") from None
            self.refresh()

    def finish(self) -> None:
        """Commit, and wait until segments that are being merged are: after a large change."""
        if self._open_writer is not None:
            self.commit()
            self._open_writer.wait_merging_threads()
            self._open_writer = None
            self.refresh()

    def close(self) -> None:
        self._open_writer = None  # dropping it releases the lock

    def refresh(self) -> None:
        self._index.reload()
        self._searcher = self._index.searcher()

    # Reading

    def search(self, request: Request, k: int) -> Found:
        should = self._clauses(request)
        return self._found(self._filtered(should, request), k) if should else []

    def texts_with(self, needle: str, limit: int) -> set[int] | None:
        """Numbers of the texts that may hold a string, upper and lower case alike; all that do are among them.

        Args:
            needle: what is longer than BLOCK_OVERLAP counts by its beginning.

        Returns:
            None if that cannot be said: it is too short, or in more blocks of text than limit.
        """
        import tantivy

        lowered = needle[:BLOCK_OVERLAP].lower()
        trigrams = {lowered[start : start + 3] for start in range(len(lowered) - 2)}
        if not trigrams:
            return None
        terms = [(tantivy.Occur.Must, self._term("trigrams", each)) for each in sorted(trigrams)]
        hits = self._searcher.search(tantivy.Query.boolean_query(terms), limit + 1, count=False).hits
        if len(hits) > limit:
            return None
        return {int(value or 0) for value in self._searcher.fast_field_values("text", [at for _, at in hits])}

    def frequency(self, term: str) -> int:
        """How many units have a term in their code or documentation, or in their name."""
        return max(self._searcher.doc_freq("all", term), self._searcher.doc_freq("name", term))

    def explain(self, request: Request, id: int) -> dict[str, float]:  # noqa: A002
        import tantivy

        own = tantivy.Query.const_score_query(self._term("id", id), 0.0)
        parts = {}
        for field in FIELD_WEIGHTS:
            if clauses := self._field_clauses(request.terms, field):
                query = tantivy.Query.boolean_query(
                    [(tantivy.Occur.Must, own), (tantivy.Occur.Must, tantivy.Query.boolean_query(clauses))]
                )
                hits = self._searcher.search(query, 1, count=False).hits
                if hits:
                    parts[field] = float(hits[0][0])
        if clauses := self._name_clauses(request):
            query = tantivy.Query.boolean_query(
                [(tantivy.Occur.Must, own), (tantivy.Occur.Must, tantivy.Query.boolean_query(clauses))]
            )
            if hits := self._searcher.search(query, 1, count=False).hits:
                parts["names"] = float(hits[0][0])
        return parts

    def _clauses(self, request: Request) -> Clauses:
        found = self._name_clauses(request)
        for field in FIELD_WEIGHTS:
            found += self._field_clauses(request.terms, field)
        return found

    def _field_clauses(self, terms: Iterable[str], field: str) -> Clauses:
        import tantivy

        should, boost = tantivy.Occur.Should, tantivy.Query.boost_query
        return [(should, boost(self._term(field, term, "freq"), FIELD_WEIGHTS[field])) for term in terms]

    def _name_clauses(self, request: Request) -> Clauses:
        """What the query may be a name of: exactly, by its beginning, or nearly, whichever is the first to exist."""
        import tantivy

        should, boost = tantivy.Occur.Should, tantivy.Query.boost_query
        names = {word: _as_name(word) for word in request.query.text.split()}
        words = list(dict.fromkeys(name for name in names.values() if name))
        coined = {name for word, name in names.items() if not word.isalpha() or not (word.islower() or word.istitle())}
        found: Clauses = []
        for word in words:
            weight = _NAME_WEIGHT if len(words) == 1 or word in coined else _WORD_WEIGHT
            for name in _endings(word):
                if self._searcher.doc_freq("names", name):
                    found.append((should, boost(self._term("names", name, "basic"), weight)))
        if len(words) != 1 or len(words[0]) < _MIN_PREFIX:
            return found
        word = words[0]
        prefixed = self._searcher.terms_with_prefix("names", word, limit=_MAX_PREFIXED)
        for name, _ in prefixed:
            if name != word:
                found.append((should, boost(self._term("names", name, "basic"), _PREFIX_WEIGHT)))
        if not found and len(word) >= _MIN_FUZZY:
            distance = 2 if len(word) >= _TWO_ERRORS else 1
            fuzzy = tantivy.Query.fuzzy_term_query(self._schema, "names", word, distance)
            found.append((should, boost(fuzzy, _FUZZY_WEIGHT)))
        return found

    def _filtered(self, should: Clauses, request: Request) -> tantivy.Query:
        import tantivy

        must = tantivy.Occur.Must
        filters = request.query.filters
        clauses: Clauses = []
        for key, values in (("lang", filters.languages), ("kind", filters.kinds)):
            if values:
                tags = [(tantivy.Occur.Should, self._term("tags", f"{key}={value}", "basic")) for value in values]
                clauses.append((must, tantivy.Query.const_score_query(tantivy.Query.boolean_query(tags), 0.0)))
        for key, values in (("lang", filters.not_languages), ("kind", filters.not_kinds)):
            clauses += [(tantivy.Occur.MustNot, self._term("tags", f"{key}={value}", "basic")) for value in values]
        if request.files is not None and len(request.files) <= MAX_FILES_ASKED:
            files = tantivy.Query.term_set_query(self._schema, "file", sorted(request.files))
            clauses.append((must, tantivy.Query.const_score_query(files, 0.0)))
        query = tantivy.Query.boolean_query(should)  # flat and on its own: only then are hopeless units passed over
        return tantivy.Query.boolean_query([(must, query), *clauses]) if clauses else query

    def _found(self, query: tantivy.Query, k: int) -> Found:
        hits = self._searcher.search(query, k, count=False).hits
        ids = self._searcher.fast_field_values("id", [address for _, address in hits])
        return [(int(id_ or 0), float(score)) for id_, (score, _) in zip(ids, hits, strict=True)]

    def _term(self, field: str, value: str | int, option: str = "basic") -> tantivy.Query:
        import tantivy

        return tantivy.Query.term_query(self._schema, field, value, option)

    def _writer(self) -> tantivy.IndexWriter:
        if self._open_writer is None:
            try:
                self._open_writer = self._index.writer(_HEAP_BYTES, 1)
                # A writer that was killed may have left files by the very names that the next commit gives.
                self._open_writer.garbage_collect_files()
            except (ValueError, OSError) as error:
                raise LexicalError(f"{self.folder} cannot be written ({error}); does another process?") from None
        return self._open_writer


def _blocks(text: str) -> Iterator[str]:
    """A text in pieces; whatever is no longer than the overlap lies in one of them whole."""
    for start in range(0, max(1, len(text)), _BLOCK_CHARS):
        yield text[start : start + _BLOCK_CHARS + BLOCK_OVERLAP]


def _as_name(word: str) -> str:
    """A word of a query as names are kept; empty when it is none."""
    name = word.strip("`'\".,;:?!()[]{}<>").replace("::", ".").replace("->", ".").replace("#", ".").lower()
    return name if any(character.isalnum() or character == "_" for character in name) else ""


def _endings(name: str) -> list[str]:
    """A dotted name and what remains of it without its first parts: a.b.c, b.c, c."""
    parts = [part for part in name.split(".") if part]
    return [".".join(parts[first:]) for first in range(len(parts))]


def _schema() -> tantivy.Schema:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    builder.add_unsigned_field("file", indexed=True, fast=True)
    builder.add_text_field("tags", tokenizer_name="terms", index_option="basic")
    builder.add_text_field("names", tokenizer_name="terms", index_option="basic")
    for field in FIELD_WEIGHTS:
        builder.add_text_field(field, tokenizer_name="terms", index_option="freq")
    builder.add_unsigned_field("text", indexed=True, fast=True)
    builder.add_text_field("trigrams", tokenizer_name="trigrams", index_option="basic")
    return builder.build()


def _register_tokenizers(index: tantivy.Index) -> None:
    import tantivy

    index.register_tokenizer("terms", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    trigrams = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.ngram(3, 3)).filter(tantivy.Filter.lowercase()).build()
    index.register_tokenizer("trigrams", trigrams)
    with contextlib.suppress(AttributeError):
        index.register_fast_field_tokenizer("terms", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).build())
