"""One source text in, the same code without comments, documentation and data out; or the reason why not.

What goes is found in the syntax tree (tree-sitter), never by pattern, so a ``#`` in a string stays where it is. What
comes out parses, means the same, and is its own cleaning.

Cleaning: Bastard, Beaudot & Lenoir, the paper that codling starts from, section IV.A: no comments, and no literal
collections of more than a hundred lines. Differs: documentation strings go too unless asked for: they are prose, as
comments are.
"""

from __future__ import annotations

import bisect
import codecs
import io
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codling.corpus.languages import Language, language_named
from codling.corpus.layout import Edit, lay_out
from codling.corpus.secrets import find_secrets

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

__all__ = ["CleanConfig", "Cleaned", "Dropped", "Parsed", "clean", "clean_parsed", "decode", "parse"]


@dataclass(frozen=True, kw_only=True)
class CleanConfig:
    """What cleaning takes out."""

    keep_docstrings: bool = False
    "Keep documentation: strings that stand as statements in Python, /** comments in Java."
    max_literal_lines: int = 100
    "A list, tuple, set, dictionary or array literal of more lines becomes an empty one; 0 keeps all."
    mask_secrets: bool = True
    "Put <key> and <email> in the place of keys, passwords and e-mail addresses in strings."
    max_bytes: int = 1_000_000
    "A larger source is dropped unread: code that people write is smaller."


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A source after cleaning, and what that took."""

    text: str
    num_comments: int = 0
    num_docstrings: int = 0
    num_literals: int = 0
    num_masked: int = 0


@dataclass(frozen=True, slots=True)
class Dropped:
    """A source that does not become part of a corpus."""

    reason: str
    "One of the keys of codling.corpus.filters.REASONS."
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A source as UTF-8 with \\n line ends, and its tree."""

    source: bytes
    tree: Tree
    language: Language
    nodes: dict[str, list[Node]]
    "The nodes that cleaning asks about, by capture name."


def clean(source: str | bytes, language: Language | str, config: CleanConfig | None = None) -> Cleaned | Dropped:
    """Clean one source.

    Args:
        source: bytes as read from a file, in whatever encoding it declares, or text.
        language: a row of the table, or its name.
        config: None for the defaults.

    Returns:
        The cleaned text (line ends \\n, one at the end, empty when nothing is left), or why there is none.

    Raises:
        CorpusError: the language is unknown. Nothing about the source raises.
    """
    config = config or CleanConfig()
    language = language_named(language) if isinstance(language, str) else language
    if len(source) > config.max_bytes:
        return Dropped("too-large", f"{len(source):,} bytes")
    text = decode(source, language)
    if isinstance(text, Dropped):
        return text
    parsed = parse(text, language)
    return parsed if isinstance(parsed, Dropped) else clean_parsed(parsed, config)


def decode(source: str | bytes, language: Language) -> bytes | Dropped:
    """Bring a source to UTF-8 with \\n line ends and no byte order mark."""
    if isinstance(source, bytes):
        if b"\0" in source:
            return Dropped("binary")
        source = source.removeprefix(codecs.BOM_UTF8)
        encoding = "utf-8"
        if language.declares_encoding and not source.isascii():
            try:
                encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
            except (SyntaxError, LookupError) as error:
                return Dropped("encoding", str(error))
        try:
            source = source.decode(encoding)
        except (ValueError, LookupError) as error:
            return Dropped("encoding", f"not {encoding}: {type(error).__name__}")
    elif "\0" in source:
        return Dropped("binary")
    try:
        data = source.removeprefix("\ufeff").encode()
    except UnicodeEncodeError:
        return Dropped("encoding", "a lone surrogate")
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def parse(source: bytes, language: Language) -> Parsed | Dropped:
    """Parse what decode returned."""
    import tree_sitter

    tree = language.parser().parse(source)
    if tree.root_node.has_error:
        return Dropped("not-parsing", "syntax error")
    nodes = tree_sitter.QueryCursor(language.query()).captures(tree.root_node)
    return Parsed(source, tree, language, nodes)


def clean_parsed(parsed: Parsed, config: CleanConfig) -> Cleaned | Dropped:
    """Clean a parsed source; see clean."""
    source, language = parsed.source, parsed.language
    comments = [node for node in parsed.nodes.get("comment", ()) if not _kept_comment(node, source, language, config)]
    edits = [_comment_edit(node, source) for node in comments]
    docstrings = [] if config.keep_docstrings else _docstrings(parsed)
    edits += docstrings
    literals = _large_literals(parsed, config.max_literal_lines) if config.max_literal_lines else []
    edits += literals
    masks = _masks(parsed, config) if config.mask_secrets else []
    edits += masks
    strings = [
        (node.start_byte, node.end_byte)
        for node in parsed.nodes.get("string", ())
        if node.start_point.row != node.end_point.row
    ]
    cleaned = lay_out(source, edits, strings, language.continuation)
    if edits and language.referee is None and language.parser().parse(cleaned).root_node.has_error:
        return Dropped("not-parsing", "syntax error after cleaning")
    complaint = language.complaint(cleaned, parsed.nodes)
    if complaint is not None:
        return Dropped("not-parsing", complaint)
    return Cleaned(
        cleaned.decode(),
        num_comments=len(comments),
        num_docstrings=len(docstrings),
        num_literals=len(literals),
        num_masked=len(masks),
    )


def _kept_comment(node: Node, source: bytes, language: Language, config: CleanConfig) -> bool:
    return config.keep_docstrings and source.startswith(language.doc_comment, node.start_byte)


def _comment_edit(node: Node, source: bytes) -> Edit:
    start, end = node.start_byte, node.end_byte
    if source[end - 1 : end] == b"\n":  # some grammars count the line end to the comment
        end -= 1
    before, after = source[start - 1 : start], source[end : end + 1]
    if before.strip() and after.strip():  # between two tokens, which must not grow together
        return Edit(start, end, b" ")
    if not before.strip() and after in (b" ", b"\t"):
        while source[end : end + 1] in (b" ", b"\t"):  # one of the two gaps around it is enough
            end += 1
    return Edit(start, end)


def _docstrings(parsed: Parsed) -> list[Edit]:
    """Take out every statement that is only a string; a body that this empties gets the language's filler."""
    prose = [node for node in parsed.nodes.get("prose", ()) if _is_prose(node, parsed)]
    removed = {node.id for node in prose}
    bodies = _bodies_of(prose, parsed.nodes.get("body", []))
    return [edit for body in bodies for edit in _without_statements(body, removed, parsed)]


def _bodies_of(statements: list[Node], bodies: list[Node]) -> list[Node]:
    """The bodies that statements stand in directly. Asking a node for its parent searches the tree from its root."""
    found: dict[int, Node] = {}
    around: list[Node] = []  # bodies that hold the place where we are, the innermost last
    waiting = sorted(bodies, key=lambda node: (-node.start_byte, node.end_byte))  # the next one last
    for statement in sorted(statements, key=lambda node: node.start_byte):
        while waiting and waiting[-1].start_byte <= statement.start_byte:
            body = waiting.pop()
            while around and around[-1].end_byte <= body.start_byte:
                around.pop()
            around.append(body)
        while around and around[-1].end_byte <= statement.start_byte:
            around.pop()
        if around:
            found[around[-1].id] = around[-1]
    return list(found.values())


def _is_prose(statement: Node, parsed: Parsed) -> bool:
    """Whether a statement is a plain string, implicit concatenation and parentheses included; no bytes, no f-string."""
    language, waiting, found = parsed.language, [statement], False
    while waiting:
        node = waiting.pop()
        if node.type in language.strings:
            quote = node.children[0] if node.children else node
            prefix = parsed.source[quote.start_byte : quote.end_byte].rstrip(b"\"'").lower()
            if prefix not in (b"", b"r", b"u"):
                return False
            found = True
        elif node.type in (language.statement, language.parentheses, *language.string_concatenations):
            waiting += node.named_children
        elif node.type not in language.comments:
            return False
    return found


def _without_statements(body: Node, removed: set[int], parsed: Parsed) -> list[Edit]:
    language, source = parsed.language, parsed.source
    children = [child for child in body.children if child.type not in language.comments]
    statements = [child for child in children if child.is_named]
    is_module = body.id == parsed.tree.root_node.id
    filler = language.filler if not is_module and all(child.id in removed for child in statements) else b""
    edits = []
    for i, child in enumerate(children):
        if child.id not in removed:
            continue
        start, end = child.start_byte, child.end_byte
        if filler and child.id == statements[-1].id:
            edits.append(Edit(start, end, filler))
            continue
        following = children[i + 1] if i + 1 < len(children) else None
        if following is not None and following.type.encode() == language.separator:
            end = following.end_byte
            while source[end : end + 1] in (b" ", b"\t"):
                end += 1
        elif i and children[i - 1].type.encode() == language.separator:
            start = children[i - 1].start_byte
        opens_body = not is_module and child.id == statements[0].id
        edits.append(Edit(start, end, swallows_blank_lines=opens_body))
    return edits


def _large_literals(parsed: Parsed, max_lines: int) -> list[Edit]:
    return [
        Edit(node.start_byte, node.end_byte, parsed.language.literals[node.type])
        for node in parsed.nodes.get("literal", ())
        if node.end_point.row - node.start_point.row + 1 > max_lines
    ]


def _masks(parsed: Parsed, config: CleanConfig) -> list[Edit]:
    found = list(find_secrets(parsed.source))
    if not found:
        return []
    language = parsed.language
    texts = [(node.start_byte, node.end_byte) for node in parsed.nodes.get("content", ())]
    for node in parsed.nodes.get("comment", ()):
        if _kept_comment(node, parsed.source, language, config):
            texts.append((node.start_byte, node.end_byte))
    texts.sort()
    edits = []
    for start, end, mask in found:
        at = bisect.bisect_right(texts, (start, len(parsed.source) + 1)) - 1
        if at >= 0 and end <= texts[at][1]:
            edits.append(Edit(start, end, mask))
    return edits
