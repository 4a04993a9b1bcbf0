"""What a model that was trained on cleaned Java reads of a file with comments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.complete.javaprose import JavaProseFilter
from codling.corpus.clean import CleanConfig, Cleaned, clean

SOURCE = '''/*
 * Licence.
 */
package a.b;

import java.util.List; // lists

/** A class. */
public class Point {
    private final int x; // to the right
    private final String url = "http://a/*b*/"; /* no comment in there */

    // The only constructor.
    // It has two lines.
    Point(int x, /* unused */ int y) {
        this.x = x;
    }


    /**
     * Doc.
     */
    int twice() {
        char quote = '"'; // "
        String block = """
            // text
            """;
        return 2 * x /* times */ + 0;
    }
}
'''


def test_as_the_corpus_has_it() -> None:
    cleaned = clean(SOURCE, "java", CleanConfig())
    assert isinstance(cleaned, Cleaned)
    assert JavaProseFilter()(SOURCE) == cleaned.text


def test_going_on_is_as_reading_anew() -> None:
    warm = JavaProseFilter()
    for end in range(len(SOURCE)):
        assert warm(SOURCE[:end]) == JavaProseFilter()(SOURCE[:end])


@given(st.lists(st.sampled_from(["/*", "*/", "//", '"', "'", "\n", "x;", " ", "\\", '"""'])).map("".join))
def test_any_text(text: str) -> None:
    without_prose = JavaProseFilter()
    result = without_prose(text)
    line = text[text.rfind("\n") + 1 :]
    assert result.endswith(line)  # the cursor's line stays
    without_prose.is_prose(text)
    without_prose.behind("", text)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("int x; // to the ", True),
        ("int x; // to the\n", False),
        ("/* a", True),
        ("/* a\n * b", True),
        ("/* a */ int", False),
        ('String url = "http:', False),
        ('String url = "http://a', False),
        ("class A {\n    /** Doc.\n     * ", True),
        ("", False),
    ],
)
def test_where_the_cursor_stands(text: str, inside: bool) -> None:
    assert JavaProseFilter().is_prose(text) is inside


def test_what_follows_the_cursor() -> None:
    filtered = JavaProseFilter()
    assert filtered.behind("", "x;\n    // no\n    y; // yes\n}\n") == "x;\n    y;\n}\n"
