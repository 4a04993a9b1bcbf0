"""Whether a cursor stands in code, in a comment or in a string, for those who want suggestions in some of them only."""

from __future__ import annotations

import functools
import re
from typing import Literal

__all__ = ["Place", "place"]

Place = Literal["code", "comment", "string"]

MAX_CHARS = 65_536  # looked at before the cursor; a string that is longer counts as code

_HASH = frozenset({"python", "ruby", "shellscript", "yaml", "toml", "perl", "r", "julia", "elixir", "makefile", "php"})
_SLASH = frozenset(
    {
        *("c", "cpp", "csharp", "css", "dart", "go", "groovy", "java", "javascript", "javascriptreact", "kotlin"),
        *("objective-c", "php", "rust", "scala", "scss", "swift", "typescript", "typescriptreact"),
    }
)
_LONG_STRINGS = frozenset({"python", "java", "kotlin", "scala", "julia", "elixir", "groovy", "swift", "dart"})
_BACKTICKS = frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact", "go"})
_LIFETIMES = frozenset({"rust"})  # begin as a character does


def place(text: str, language: str) -> Place:
    """Where the end of a text stands.

    Args:
        text: the file up to the cursor; of a long one the end is looked at.
        language: a language id of editors; one that is not known has neither comments nor long strings.
    """
    text = text[-MAX_CHARS:]
    last = None
    for found in _marks(language).finditer(text):
        if found.lastgroup is not None:
            last = found
    if last is None or last.end() < len(text):
        return "code"
    if last.lastgroup == "line":
        return "comment"
    return "comment" if last.lastgroup == "open_comment" else "string"


@functools.cache
def _marks(language: str) -> re.Pattern[str]:
    """Comments and strings; those that reach the end of the text without being closed, by name."""
    rules = []
    line_marks = [mark for mark, languages in (("#", _HASH), ("//", _SLASH)) if language in languages]
    if line_marks:
        comment = f"(?:{'|'.join(line_marks)})[^\\n]*"
        rules.append(rf"(?P<line>{comment}\Z)|{comment}")
    if language in _SLASH:
        inside = r"/\*[^*]*(?:\*(?!/)[^*]*)*"
        rules.append(rf"{inside}\*/|(?P<open_comment>{inside}\Z)")
    if language in _LONG_STRINGS:
        for name, quote in (("long_double", '"'), ("long_single", "'")) if language == "python" else (("long", '"'),):
            inside = rf"{quote * 3}[^{quote}\\]*(?:(?:\\.|{quote}(?!{quote * 2}))[^{quote}\\]*)*"
            rules.append(rf"{inside}{quote * 3}|(?P<{name}>{inside}(?:\\|{quote}{{1,2}})?\Z)")
    if language in _BACKTICKS:
        inside = r"`[^`\\]*(?:\\.[^`\\]*)*"
        rules.append(rf"{inside}`|(?P<backtick>{inside}\\?\Z)")
    for name, quote in (("double", '"'), ("single", "'")):
        if name == "single" and language in _LIFETIMES:
            rules.append(r"'(?:[^'\\\n]|\\[^\n]{1,8})'")
            continue
        inside = rf"{quote}[^{quote}\\\n]*(?:\\.[^{quote}\\\n]*)*"
        rules.append(rf"{inside}(?:{quote}|(?=\n))|(?P<{name}>{inside}\\?\Z)")
    return re.compile("|".join(rules), re.S)
