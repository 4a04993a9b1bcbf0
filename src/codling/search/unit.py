"""The unit of search: a function, a method, a class, a constant, a module, or a stretch of text between them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, get_args

from codling.search.words import identifiers

__all__ = ["KINDS", "Entry", "Unit", "UnitKind", "unit_id"]

UnitKind = Literal["function", "method", "class", "interface", "enum", "type", "constant", "module", "chunk"]
"""What a unit is. A struct, a record and an object count as class, a trait and a protocol as interface, an alias as
type; a constant is any name bound at the top of a file; a module is the head of a file; a chunk is anything else."""

KINDS: tuple[UnitKind, ...] = get_args(UnitKind)


class Entry(NamedTuple):
    """What the index knows of a unit without reading it: all that ranking and a list of hits need."""

    id: int
    "In [0, 2⁶³): a hash of path, kind, qualified name and text. It stays when the unit only moves to another line."
    kind: UnitKind
    name: str
    "As the source writes it; empty for a chunk. A module has the name of its file, or of its folder for an __init__."
    qualified_name: str
    "With what it stands in, joined by dots: ``Class.method``; without the module. Empty for a chunk."
    signature: str
    "The head of the definition on one line, without its body; empty for module and chunk."
    path: str
    "Below the root, with / between folders."
    language: str
    "A name of codling.search.languages; ``text`` where the table has none."
    line: int
    "1-based; of the definition's own head, where an editor should jump."
    top_line: int
    "1-based; where the unit begins, with the comments and decorators above the head; at most line."
    end_line: int
    "1-based, inclusive."
    has_doc: bool
    content_hash: int
    "In [0, 2⁶³): of the text with its white space collapsed. Copies of one unit have the same."


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One thing that a search can find, as it stands in its file."""

    kind: UnitKind
    name: str
    qualified_name: str
    signature: str
    doc: str
    "Documentation as prose: docstring or doc comment without quotes, comment marks and indentation; may be empty."
    path: str
    language: str
    line: int
    top_line: int
    end_line: int
    text: str
    """The unit's own code, from top_line to end_line. A class has the heads of its members and not their bodies, for
    those are units themselves; a unit beyond a bound has its beginning, and the rest follows as chunks."""
    code: str
    "The text without its documentation: what is left when nobody has explained it."
    ordinal: int = 0
    "How many units of the same path, kind, qualified name and text came before: ids differ by it."

    @cached_property
    def id(self) -> int:
        """See Entry.id."""
        return unit_id(self.path, self.kind, self.qualified_name, self.text, str(self.ordinal))

    @cached_property
    def content_hash(self) -> int:
        """See Entry.content_hash."""
        return unit_id(" ".join(self.text.split()))

    @cached_property
    def doc_identifiers(self) -> list[str]:
        """Those of the documentation, in order: read once for all that is indexed by them."""
        return identifiers(self.doc)

    @cached_property
    def code_identifiers(self) -> list[str]:
        """Those of the code, in order."""
        return identifiers(self.code)

    @cached_property
    def entry(self) -> Entry:
        """What the index keeps of it for ranking."""
        return Entry(
            id=self.id,
            kind=self.kind,
            name=self.name,
            qualified_name=self.qualified_name,
            signature=self.signature,
            path=self.path,
            language=self.language,
            line=self.line,
            top_line=self.top_line,
            end_line=self.end_line,
            has_doc=bool(self.doc),
            content_hash=self.content_hash,
        )


def unit_id(*parts: str) -> int:
    """A hash in [0, 2⁶³) that is the same on every machine."""
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") >> 1
