"""Descriptions with their programs, as they stand side by side in a project: what a writer is pre-trained on.

Three kinds are taken from a source: a comment with the statements below it, the first sentence of a documentation
string with a short body, and the sentence before an example with the example, in documentation strings and in
documents. A pair is kept if it is short, its words ask for something, and the two share a word: ``# sort the rows``
above ``rows.sort()`` does, ``# see #123`` above anything does not.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from textwrap import dedent

__all__ = ["Limits", "Mined", "document_pairs", "source_pairs"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is short."""

    min_words: int = 3
    max_words: int = 25
    max_statements: int = 3
    "Below a comment or in an example; a body has one more at most."
    max_nodes: int = 60
    "Of the syntax tree."
    max_characters: int = 300
    "Of the program."


@dataclass(frozen=True, slots=True)
class Mined:
    """A description and its program."""

    text: str
    code: str
    kind: str
    "comment, docstring or example."


_COMMENT = re.compile(r"\s*#+\s?(.*?)\s*$")
_NOT_SAID = re.compile(
    r"todo|fixme|xxx|hack\b|noqa|pylint|pragma|mypy:|copyright|licen[sc]e|deprecated|gh-?\d|https?:", re.IGNORECASE
)
_LEADING = re.compile(
    r"^(?:(?:first|next|then|now|finally|here|also|and|lastly|again|example|examples|usage|alternatively)\b[,:]?\s*"
    r"|(?:for (?:example|instance)|e\.g\.|in this case|step \d+)[,:]?\s*|(?:\d+|[a-z])[.)]\s+|[-*]\s+"
    r"|(?:(?:we|you|it) )?(?:can|could|will|need to|have to|must)\s+|(?:we|you|it|let us|let's)\s+"
    r"|(?:in order )?to\s+)+",
    re.IGNORECASE,
)
_MARKUP = re.compile(
    r":[\w:]+:`~?\.?([^`<]*?)(?:\s*<[^`>]*>)?`|\[([^\]\n]+)\]\([^)\n]*\)|`([^`\n]+)`_+|\*\*([^*\n]+)\*\*"
)
_WORD = re.compile(r"[^\W\d_]+")
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`'\"(])|:\s*$|\n\s*\n")
_COMMON = frozenset(
    (
        *(
            "the",
            "and",
            "for",
            "with",
            "not",
            "from",
            "that",
            "this",
            "are",
            "was",
            "has",
            "have",
            "its",
            "into",
            "out",
        ),
        *("all", "any", "each", "then", "than", "when", "which", "will", "can", "use", "used", "using", "only", "also"),
        *("our", "your", "they", "them", "but", "how", "same", "other", "one", "two", "new", "set", "get", "none"),
        *("true", "false", "self", "value"),
    )
)
_VERBS = frozenset(resources.files("codling.corpus").joinpath("verbs.txt").read_text(encoding="utf-8").split())
"What a request begins with; sentences that say what is so, and why, do not."
_PROMPT = re.compile(r"^\s*(?:>>>|\.\.\.)(?: |$)")
_INPUT = re.compile(r"^\s*In \[\d+\]: ")
_DIRECTIVE = re.compile(
    r"^(\s*)(?:\.\. (?:code-block|code|sourcecode|ipython):: ?(?:python3?|ipython3?|pycon)?\s*|.*\S::\s*)$"
)
_FENCE = re.compile(r"^(\s*)```+ *(?:python|py|pycon|python3)\b.*$")
_MAX_SHARED_PREFIX = 5  # letters that make two words one: ``sorting`` and ``sorted``


def source_pairs(source: str, limits: Limits = Limits()) -> Iterator[Mined]:
    """The pairs of a Python file; none, if it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    lines = source.splitlines()
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
                yield from _commented(body, node, lines, limits)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
            doc = ast.get_docstring(node)
            if doc and not isinstance(node, (ast.ClassDef, ast.Module)):
                yield from _documented(doc, node.body[1:], limits)
            if doc and ">>>" in doc:
                yield from document_pairs(doc, limits)


def document_pairs(text: str, limits: Limits = Limits()) -> Iterator[Mined]:
    """The pairs of a document in reStructuredText or Markdown, or of a documentation string: a sentence, and the
    example behind it."""
    lines = text.splitlines()
    i = 0
    while i < len(lines):
        code, after = _example(lines, i)
        if code is None:
            i += 1
            continue
        said = _before(lines, i)
        i = max(after, i + 1)
        if said:
            body = _parsed(code)
            imports = len(body) - len([each for each in body if not isinstance(each, (ast.Import, ast.ImportFrom))])
            if 0 < len(body) - imports <= limits.max_statements:
                yield from _pair(said, body[imports:] if imports < len(body) else body, "example", limits)


def _commented(body: list[ast.stmt], parent: ast.AST, lines: list[str], limits: Limits) -> Iterator[Mined]:
    """Each comment on lines of its own, with the statements from there to the next comment or empty line."""
    last_line = getattr(parent, "lineno", 0) if not isinstance(parent, ast.Module) else 0
    starts: list[tuple[int, str]] = []  # statements with a comment above them, and what it says
    breaks: set[int] = set()
    for i, each in enumerate(body):
        first = min([each.lineno, *(one.lineno for one in getattr(each, "decorator_list", []))])
        said: list[str] = []
        for at in range(first - 2, last_line - 1, -1):  # lines count from 1
            match = _COMMENT.match(lines[at]) if at < len(lines) else None
            if match is None or "#" not in lines[at]:
                break
            said.append(match[1])
        if first - 1 > last_line:  # something lies between the two: a comment, or an empty line
            breaks.add(i)
        if said and len(said) <= 2:
            starts.append((i, " ".join(reversed(said))))
        last_line = each.end_lineno or each.lineno
    for i, text in starts:
        if isinstance(body[i], (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
            continue
        end = next((j for j in range(i + 1, len(body)) if j in breaks), len(body))
        if end - i <= limits.max_statements:
            yield from _pair(text, body[i:end], "comment", limits)


def _documented(doc: str, body: list[ast.stmt], limits: Limits) -> Iterator[Mined]:
    if 0 < len(body) <= limits.max_statements + 1 and not isinstance(body[0], (ast.Pass, ast.Raise)):
        yield from _pair(_SENTENCE_END.split(doc.strip(), maxsplit=1)[0], body, "docstring", limits)


def _pair(text: str, body: list[ast.stmt], kind: str, limits: Limits) -> Iterator[Mined]:
    """The pair, if it is worth keeping."""
    text = " ".join(_MARKUP.sub(_plain, text).replace("``", "`").split()).strip(" -=#*.:")
    text = _LEADING.sub("", text)
    words = text.split()
    if not limits.min_words <= len(words) <= limits.max_words or not text.isascii() or _NOT_SAID.search(text):
        return
    if kind != "example" and not _is_request(words[0]):
        return
    letters = sum(len(word) for word in _WORD.findall(text))
    if letters < 0.7 * len(text.replace(" ", "")) or _is_code(text):
        return
    if sum(1 for one in body for _ in ast.walk(one)) > limits.max_nodes:
        return
    if len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, (ast.Constant, ast.Name)):
        return
    if any(isinstance(each, (ast.FunctionDef, ast.ClassDef, ast.Assert, ast.Pass)) for each in body):
        return
    code = "\n".join(map(ast.unparse, body))
    if len(code) <= limits.max_characters and _share_a_word(text, code):
        yield Mined(text, code, kind)


def _is_request(word: str) -> bool:
    word = word.lower().rstrip(",")
    return any(form in _VERBS for form in (word, word.removesuffix("s"), word.removesuffix("es")))


def _plain(match: re.Match[str]) -> str:
    if match[1] is not None:  # a role of reStructuredText, mostly a name of the code
        return f"`{match[1]}`"
    return match[2] or match[3] or match[4] or ""


def _is_code(text: str) -> bool:
    """Whether a sentence is code that somebody has put away: it parses, and is more than names beside each other."""
    if len(text.split()) > 1 and not re.search(r"[()=\[\]{}]", text):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _share_a_word(text: str, code: str) -> bool:
    def stems(source: str) -> set[str]:
        parts = (part.lower() for word in _WORD.findall(source) for part in _PART.findall(word))
        return {part[:_MAX_SHARED_PREFIX] for part in parts if len(part) > 2 and part not in _COMMON}

    return bool(stems(text) & stems(code))


def _parsed(code: str) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _example(lines: list[str], i: int) -> tuple[str | None, int]:
    """The example that begins on a line, and the line behind it; None if none does."""
    if _PROMPT.match(lines[i]):
        end = i
        while end < len(lines) and _PROMPT.match(lines[end]):
            end += 1
        after = end
        while after < len(lines) and lines[after].strip() and not _PROMPT.match(lines[after]):  # what it prints
            after += 1
        return "\n".join(_PROMPT.sub("", line, count=1) for line in lines[i:end]), after
    fence, directive = _FENCE.match(lines[i]), _DIRECTIVE.match(lines[i])
    if fence is None and directive is None:
        return None, i
    block: list[str] = []
    at = i + 1
    if fence is not None:
        while at < len(lines) and not lines[at].strip().startswith("```"):
            block.append(lines[at])
            at += 1
    else:
        indent = len(directive[1]) if directive is not None else 0
        while at < len(lines) and (not lines[at].strip() or len(lines[at]) - len(lines[at].lstrip()) > indent):
            block.append(lines[at])
            at += 1
    block = [line for line in block if not re.match(r"\s*:[\w-]+:", line)]  # options of a directive
    prompted = [line for line in block if _PROMPT.match(line) or _INPUT.match(line)]
    if prompted:
        block = [_INPUT.sub("", _PROMPT.sub("", line, count=1), count=1) for line in prompted]
    return dedent("\n".join(line for line in block if line.strip())), at


def _before(lines: list[str], i: int) -> str:
    """The last sentence before an example."""
    opening = _DIRECTIVE.match(lines[i])
    inline = lines[i].rstrip(": ").strip() if opening is not None and not lines[i].lstrip().startswith("..") else ""
    end = i
    while end > 0 and not inline and not lines[end - 1].strip():
        end -= 1
    start = end
    while start > 0 and lines[start - 1].strip() and not _PROMPT.match(lines[start - 1]):
        start -= 1
    paragraph = [line.strip() for line in lines[start:end]] + ([inline] if inline else [])
    if len(paragraph) > 6 or any(re.fullmatch(r"[-=~^\"'`+#*]{3,}|\.\. .*", line) for line in paragraph):
        return ""
    said = " ".join(paragraph).rstrip(": ")
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`])", said)[-1] if said else ""
