"""The writer that ships is whole and small, and writes what anybody would ask of it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from codling.bundle import load_bundle
from codling.trees.writing.measures import exact
from codling.write import Writer

FOLDER = Path(__file__).parent.parent / "src" / "codling" / "bundles" / "write"


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(load_bundle(FOLDER))


def test_it_is_small_and_says_how_it_came_about(writer: Writer) -> None:
    card = writer.model.card
    assert load_bundle(FOLDER).num_bytes <= 20_000_000
    assert card.training["epoch"] <= len(card.curve)
    assert set(card.data["pairs"]) >= {"django-train", "hearthstone-train", "conala-train", "mined"}
    assert len(card.data["mined"]["projects"]) > 1_000
    assert not any(each.lower().startswith(("django==", "hearth")) for each in card.data["mined"]["projects"])


@pytest.mark.parametrize(
    ("description", "code"),
    [
        ("if foo_bar is None,", "if foo_bar is None: pass"),
        ("define the method frobnicate with an argument self.", "def frobnicate(self): pass"),
        ("set gadget to an empty list.", "gadget = []"),
        ("import module zipfile.", "import zipfile"),
        ("call the function spin with an argument top_speed.", "spin(top_speed)"),
        ("return self.wheel_count.", "return self.wheel_count"),
    ],
)
def test_it_writes_lines_with_names_that_it_has_not_seen(writer: Writer, description: str, code: str) -> None:
    best = writer.write(description).candidates[0].code
    assert exact(best, code), best


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("plot a histogram of column age", "df['age'].hist()\nplt.show()"),
        ("the largest value of dictionary `tariffs`", "max(tariffs.values())"),
        ("write dictionary `d` to a json file", "with open('data.json', 'w') as f:\n    json.dump(d, f)"),
        ("check if file `spool_path` exists", "os.path.exists(spool_path)"),
        ("return the length of `crates`", "return len(crates)"),
    ],
)
def test_it_knows_everyday_requests(writer: Writer, request_: str, code: str) -> None:
    codes = [each.code for each in writer.write(request_).candidates]
    assert any(exact(each, code) for each in codes), codes


def test_it_copies_the_fields_of_a_card(writer: Writer) -> None:
    text = (
        "Grumpy Gardener NAME_END 4 ATK_END 7 DEF_END 6 COST_END -1 DUR_END Minion TYPE_END Neutral PLAYER_CLS_END "
        "NIL RACE_END Common RARITY_END <b>Taunt</b>"
    )
    code = writer.write(text).candidates[0].code
    ast.parse(code)
    assert code.startswith("class GrumpyGardener(MinionCard):")
    assert "super().__init__('Grumpy Gardener', 6, CHARACTER_CLASS.ALL, CARD_RARITY.COMMON)" in code
    assert "return Minion(4, 7" in code


def test_other_words_give_programs_that_parse(writer: Writer) -> None:
    for description in ("🐟", "read a csv file and print the mean of each column", "Zeile für Zeile", "'unclosed"):
        written = writer.write(description, limit=3)
        assert written.candidates
        for candidate in written.candidates:
            ast.parse(candidate.code)
