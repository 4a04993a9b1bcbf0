"""Where a block ends."""

from __future__ import annotations

from codling.complete.context import Context

__all__ = ["BlockEnd"]

MAX_LINES = 24  # of one suggested block


class BlockEnd:
    """Finds the end of a block that is being written at the cursor.

    A block ends before the first line that is indented less than the cursor's line. If the cursor's line opens a block
    of its own (it ends with a colon or a brace), that block ends before the first line that is indented no deeper; a
    closing brace there belongs to it. At the outermost level, where nothing is indented less, a blank line ends it.
    """

    def __init__(self, context: Context, language: str | None = None) -> None:
        self._indent = context.indent
        self._line = context.line
        self._blank = context.on_blank_line
        self._braces = language == "java"

    def __call__(self, text: str) -> int | None:
        """Length of the block that a text begins with; None if it has not ended yet."""
        first = text.find("\n")
        if first == -1:
            return None
        head = (self._line + text[:first]).rstrip()
        indent = len(head) - len(head.lstrip(" ")) if self._blank else self._indent
        opens = head.endswith(("{", "(", "[") if self._braces else (":", "(", "[", "{"))
        num_lines, start = 1, first + 1
        while True:
            end = text.find("\n", start)
            line = text[start : end if end != -1 else len(text)]
            content = line.lstrip(" ")
            if not content:
                if end == -1:
                    return None  # its indentation is still being written
                if not opens and indent == 0:
                    return start - 1
            else:
                column = len(line) - len(content)
                if column < indent or (opens and column == indent):
                    if not (opens and column == indent and content[0] in ")]}"):
                        return self._before_blank_lines(text, start)
                    if end == -1:
                        return None  # the closing bracket's line is still being written
                    return end
            if end == -1:
                return None
            num_lines += 1
            if num_lines >= MAX_LINES:
                return self._before_blank_lines(text, end + 1)
            start = end + 1

    @staticmethod
    def _before_blank_lines(text: str, start: int) -> int:
        return len(text[:start].rstrip(" \n"))
