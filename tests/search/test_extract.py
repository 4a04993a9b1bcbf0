"""Units out of source: every language of the table, every line in some unit, and nothing that raises."""

from __future__ import annotations

import asyncio
import email
import inspect
import json
import random
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.search.extract import chunks_of, units_of
from codling.search.languages import LANGUAGES, language_of
from codling.search.unit import Unit

SOURCES = Path(__file__).parent / "sources"
"One real file's worth of each language, with every construct that its row names."

# What stands in them: (kind, qualified name, line), in the order of their lines.
EXPECTED = {
    "Cache.java": [
        ("class", "Cache", 9),
        ("constant", "Cache.MAX_SIZE", 11),
        ("method", "Cache.Cache", 16),
        ("method", "Cache.get", 24),
        ("interface", "Cache.Loader", 28),
        ("method", "Cache.Loader.load", 29),
        ("enum", "Cache.Policy", 32),
        ("method", "Cache.Policy.isLru", 35),
        ("class", "Cache.Pair", 38),
    ],
    "client.ts": [
        ("interface", "Options", 4),
        ("method", "Options.log", 6),
        ("type", "Method", 9),
        ("class", "HttpError", 12),
        ("method", "HttpError.constructor", 13),
        ("class", "Client", 19),
        ("method", "Client.retry", 20),
        ("method", "Client.get", 23),
        ("method", "Client.close", 28),
        ("function", "sleep", 32),
        ("constant", "TIMEOUT", 35),
        ("enum", "Level", 37),
        ("function", "Paths.join", 40),
        ("constant", "VERSION", 43),
    ],
    "view.tsx": [("interface", "Props", 1), ("function", "Button", 6), ("function", "useToggle", 10)],
    "emitter.js": [
        ("class", "Emitter", 4),
        ("method", "Emitter.on", 8),
        ("method", "Emitter.from", 13),
        ("method", "Emitter.fire", 17),
        ("function", "Emitter.prototype.off", 20),
        ("function", "debounce", 25),
        ("function", "exports.once", 33),
        ("constant", "version", 37),
        ("function", "range", 39),
    ],
    "store.go": [
        ("constant", "ErrMissing", 11),
        ("constant", "DefaultSize", 15),
        ("constant", "maxDepth", 16),
        ("class", "Store", 20),
        ("interface", "Getter", 26),
        ("type", "Key", 30),
        ("method", "Store.Get", 33),
        ("function", "New", 39),
    ],
    "span.rs": [
        ("class", "Span", 7),
        ("method", "Span.join", 14),
        ("method", "Span.fmt", 20),
        ("constant", "MAX_LEN", 25),
        ("interface", "Walk", 28),
        ("method", "Walk.step", 29),
        ("enum", "Token", 32),
        ("function", "square", 37),
        ("function", "lexer.run", 42),
        ("type", "Pair", 46),
    ],
    "list.c": [
        ("constant", "MAX_ITEMS", 5),
        ("function", "SQUARE", 6),
        ("class", "point_t", 9),
        ("class", "list", 14),
        ("type", "compare_fn", 19),
        ("constant", "num_lists", 21),
        ("function", "list_push", 27),
        ("function", "list_name", 35),
        ("enum", "order", 40),
    ],
    "matrix.cpp": [
        ("class", "math.Matrix", 8),
        ("method", "math.Matrix.Matrix", 10),
        ("method", "math.Matrix.at", 11),
        ("method", "math.Matrix.operator==", 12),
        ("method", "math.Matrix.rows", 13),
        ("method", "math.Matrix.rows", 21),
        ("function", "math.trace", 26),
        ("constant", "math.kEpsilon", 30),
        ("enum", "math.Layout", 32),
        ("type", "math.Vector", 34),
        ("class", "Plain", 38),
    ],
    "Order.cs": [
        ("class", "Shop.Orders.Order", 8),
        ("constant", "Shop.Orders.Order.MaxLines", 10),
        ("method", "Shop.Orders.Order.Total", 13),
        ("method", "Shop.Orders.Order.Order", 15),
        ("method", "Shop.Orders.Order.SaveAsync", 20),
        ("interface", "Shop.Orders.IPayable", 26),
        ("method", "Shop.Orders.IPayable.Pay", 28),
        ("class", "Shop.Orders.Line", 31),
        ("enum", "Shop.Orders.State", 33),
    ],
    "reader.rb": [
        ("class", "Reader", 6),
        ("constant", "Reader.LIMIT", 7),
        ("class", "Reader.Source", 10),
        ("method", "Reader.Source.open", 14),
        ("method", "Reader.Source.read!", 18),
    ],
    "UserController.php": [
        ("class", "UserController", 8),
        ("constant", "UserController.PAGE_SIZE", 10),
        ("method", "UserController.show", 15),
        ("interface", "Shows", 21),
        ("method", "Shows.show", 23),
        ("interface", "Counts", 26),
        ("method", "Counts.count", 28),
        ("enum", "Suit", 31),
        ("function", "helper", 36),
    ],
    "User.kt": [
        ("class", "User", 6),
        ("method", "User.greet", 8),
        ("method", "User.Companion.of", 11),
        ("interface", "Repo", 15),
        ("method", "Repo.find", 16),
        ("enum", "Color", 19),
        ("class", "Registry", 24),
        ("method", "Registry.add", 25),
        ("type", "Id", 29),
        ("constant", "TOP", 31),
        ("function", "second", 34),
    ],
}


def named(units: list[Unit]) -> list[tuple[str, str, int]]:
    return [(unit.kind, unit.qualified_name, unit.line) for unit in units if unit.kind not in ("module", "chunk")]


def by_name(units: list[Unit]) -> dict[str, Unit]:
    return {unit.qualified_name: unit for unit in units if unit.kind != "module"}


def source(name: str) -> str:
    return (SOURCES / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXPECTED)
def test_each_language_gives_what_stands_in_its_source(name: str) -> None:
    assert named(units_of(source(name), name)) == EXPECTED[name]


def test_every_row_of_the_table_is_seen_here() -> None:
    seen = {language_of(name) for name in (*EXPECTED, "a.py")}
    assert seen == set(LANGUAGES)


@pytest.mark.parametrize("name", EXPECTED)
def test_documentation_is_prose_and_the_code_goes_without(name: str) -> None:
    documented = [unit for unit in units_of(source(name), name) if unit.doc]
    assert documented, "each source documents something"
    for unit in documented:
        assert not any(mark in unit.doc for mark in ("/*", "*/", "//", "<summary>", "{@"))
        first = " ".join(unit.doc.split()[:4]).strip(" .")
        assert first in " ".join(unit.text.split())
        assert first not in unit.code


def test_a_python_file_in_full() -> None:
    text = textwrap.dedent('''
        """Reading of settings."""
        import os

        #: Seconds.
        TIMEOUT = 3.0
        first, second = 1, 2

        @dataclass(frozen=True)
        class Settings(Base):
            """What the user chose."""

            name: str = "x"

            @property
            def path(self) -> str:
                """Where they lie."""
                return os.path.join("a", self.name)

            class Inner:
                pass

        async def load(path: str,
                       *, strict: bool = False) -> Settings:
            def helper(): return 1
            return Settings()

        if __name__ == "__main__":
            load("x")
    ''').lstrip("\n")  # fmt: skip
    units = units_of(text, "app/settings.py")
    assert named(units) == [
        ("constant", "TIMEOUT", 5),
        ("constant", "first", 6),
        ("constant", "second", 6),
        ("class", "Settings", 9),
        ("method", "Settings.path", 15),
        ("class", "Settings.Inner", 19),
        ("function", "load", 22),
        ("function", "load.helper", 24),
    ]
    found = by_name(units)
    assert found["Settings"].doc == "What the user chose."
    assert found["Settings"].top_line == 8, "its decorator belongs to it"
    assert "os.path.join" not in found["Settings"].text, "members' bodies are units themselves"
    assert "def path(self)" in found["Settings"].text
    assert found["Settings.path"].code.split("\n")[0].strip() == "@property"
    assert "Where they lie" not in found["Settings.path"].code
    assert found["load"].signature == "async def load(path: str, *, strict: bool = False) -> Settings"
    assert found["TIMEOUT"].doc == "Seconds."
    module = next(unit for unit in units if unit.kind == "module")
    assert (module.name, module.doc) == ("settings", "Reading of settings.")
    assert any(unit.kind == "chunk" and 'load("x")' in unit.text for unit in units)


def test_a_package_has_its_folders_name() -> None:
    assert [unit.name for unit in units_of("import a\n", "pkg/tools/__init__.py")] == ["tools"]


def assert_every_line_is_in_a_unit(text: str, path: str) -> None:
    units = units_of(text, path)
    found = {line for unit in units for line in unit.text.split("\n")}
    missing = [line for line in text.split("\n") if any(map(str.isalnum, line)) and line not in found]
    assert not missing
    last = text.count("\n") + 1
    for unit in units:
        assert 1 <= unit.top_line <= unit.line <= unit.end_line <= last
    assert len({unit.id for unit in units}) == len(units), "ids differ"


@pytest.mark.parametrize("module", [asyncio, email, json, inspect, textwrap, random])
def test_every_line_of_the_standard_library_is_in_a_unit(module: object) -> None:
    found = Path(inspect.getsourcefile(module))  # type: ignore[arg-type]
    for file in sorted(found.parent.glob("*.py"))[:12] if found.stem == "__init__" else [found]:
        assert_every_line_is_in_a_unit(file.read_text(encoding="utf-8"), file.name)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(EXPECTED)), st.data())
def test_no_damage_loses_a_line_or_raises(name: str, data: st.DataObject) -> None:
    """Cut out, doubled and broken as an editor leaves it: what the grammar cannot read is found as text."""
    text = source(name)
    start, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    inserted = data.draw(st.sampled_from(["", "{", "}}", '"""', "(", "/*", "é😀", "\t", "def f(:\n"]))
    assert_every_line_is_in_a_unit(text[:start] + inserted + text[end:], name)


@pytest.mark.parametrize("path", ["a.py", "a.js", "a.cpp", "a.rs", "a.md"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        "(" * 50_000,
        "{" * 50_000 + "x",
        "x = " + "[" * 20_000,
        "a" * 300_000,
        "class A " * 3_000,
        "\ud800x = 1",
    ],
    ids=["nothing", "blank", "parentheses", "braces", "brackets", "one word", "one line", "surrogate"],
)
def test_nothing_about_a_text_raises(text: str, path: str) -> None:
    assert sum(len(unit.text) for unit in units_of(text, path)) <= 3 * len(text) + 1


def test_an_id_stays_when_the_unit_only_moves() -> None:
    text = source("store.go")
    before = by_name(units_of(text, "store.go"))["Store.Get"]
    after = by_name(units_of(text.replace("package kv\n", "package kv\n\n\n"), "store.go"))["Store.Get"]
    assert (before.id, before.line + 2) == (after.id, after.line)
    changed = by_name(units_of(text.replace("s.items[key]", "s.items[Key(key)]"), "store.go"))["Store.Get"]
    assert changed.id != before.id
    assert by_name(units_of(text, "other.go"))["Store.Get"].id != before.id


def test_equal_units_of_one_file_are_told_apart() -> None:
    units = units_of("def f():\n    return 1\n\n\ndef f():\n    return 1\n", "a.py")
    twins = [unit for unit in units if unit.name == "f"]
    assert len(twins) == 2 and twins[0].id != twins[1].id
    assert twins[0].content_hash == twins[1].content_hash


def test_a_long_unit_ends_at_a_bound_and_the_rest_follows() -> None:
    text = "def f():\n" + "".join(f"    x{row} = {row}\n" for row in range(1_000))
    units = units_of(text, "a.py")
    function = by_name(units)["f"]
    assert function.end_line == 1_001, "it still says where it ends"
    assert function.text.count("\n") < 500
    assert_every_line_is_in_a_unit(text, "a.py")


def test_text_is_cut_at_blank_lines_and_headings() -> None:
    paragraphs = [f"# Part {number}\n" + "\n".join(f"Line {row} of it." for row in range(20)) for number in range(8)]
    chunks = chunks_of("\n\n".join(paragraphs), "guide.md")
    assert len(chunks) > 2
    assert all(chunk.text.startswith("# Part") for chunk in chunks)
    assert all(chunk.end_line - chunk.line < 60 for chunk in chunks)


def test_code_that_a_machine_wrote_is_text() -> None:
    text = "function f(){" + "var a=1;" * 20_000 + "}"
    assert {unit.kind for unit in units_of(text, "bundle.js")} == {"chunk"}
