"""What is worth showing: not in comments, as the file is indented, and as the project has it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from codling import Completer
from codling.vocab import BpeVocab
from ngram_model import NgramModel
from tiny_bundle import tiny_bundle

CODE = "def area(width, height):\n    return width * height\n\n\nif area(2, 3) > 5:\n    print(area(2, 3))\n"
VOCAB = BpeVocab.train([CODE + "reticulate_splines brand_new_name\n"] * 8, 360)


def model_of(*texts: str, cleaned: bool = True) -> NgramModel:
    model = NgramModel(*texts, order=8, vocab=VOCAB)
    model.card = dataclasses.replace(model.card, cleaning={"keep_docstrings": False} if cleaned else {})
    return model


@pytest.fixture(scope="module")
def completer() -> Completer:
    return Completer(model_of(CODE * 4))


def texts(completer: Completer, prefix: str, suffix: str = "", **options) -> list[str]:
    return [row.text for row in completer.complete(prefix, suffix, **options).suggestions]


@pytest.mark.parametrize("kind", ["token", "line", "block"])
@pytest.mark.parametrize("prefix", ["# def area(", 'def area(width):\n    """Return width', "x = 1  # return width"])
def test_nothing_within_comments_unless_asked(completer: Completer, prefix: str, kind: str) -> None:
    assert texts(completer, prefix, kind=kind) == []
    asked = Completer(completer.model, sure=0)
    assert texts(asked, prefix, kind="token", limit=3, in_comments=True) != []


@pytest.mark.parametrize("prefix", ["x = '# ", 'print("""', "x = 1  # done\ndef area("])
def test_what_only_looks_like_a_comment(completer: Completer, prefix: str) -> None:
    assert texts(Completer(completer.model, sure=0), prefix, kind="token", limit=3) != []


def test_a_model_that_has_read_comments_writes_them() -> None:
    text = "# the area of it\nx = area(2, 3)\n"
    completer = Completer(model_of(text * 4, cleaned=False))
    assert texts(completer, "# the ar") == ["ea of it"]


def test_two_spaces_stay_two_spaces(completer: Completer) -> None:
    prefix = "if area(2, 3) > 5:\n  print(area(2, 3))\n\n\ndef area(width, height):"
    assert texts(completer, prefix, kind="block") == ["\n  return width * height"]
    assert texts(completer, prefix + "\n  re") == ["turn width * height"]


def test_typing_an_indentation(completer: Completer) -> None:
    """The cursor may stand anywhere in the white space that begins a line."""
    prefix = "def area(width, height):\n"
    for size in range(5):
        (line,) = texts(completer, prefix + " " * size)
        assert (" " * size + line).strip() == "return width * height"
        assert len(" " * size + line) - len((" " * size + line).lstrip()) == 4


def test_brackets_that_the_editor_has_closed(completer: Completer) -> None:
    prefix = CODE + "print(area("
    assert texts(completer, prefix, "))\n") == ["2, 3"]
    assert texts(completer, prefix, ")\n") in (["2, 3)"], ["2, 3"])


def test_a_warm_completer_answers_as_a_cold_one_in_sub_words(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path, vocab=VOCAB)
    warm = Completer(bundle, sure=0.05)
    for end in range(60, 110):
        for limit in (1, 3):
            kept = warm.complete(CODE[:end], CODE[end:], limit=limit).suggestions
            fresh = Completer(bundle, sure=0.05).complete(CODE[:end], CODE[end:], limit=limit).suggestions
            assert [row.text for row in kept] == [row.text for row in fresh], CODE[end - 20 : end]
            np.testing.assert_allclose([row.score for row in kept], [row.score for row in fresh], rtol=1e-3)


class TestProject:
    """Other files of the project count, and nothing outside of it."""

    NAME = "reticulate_splines"

    @pytest.fixture
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
        root = tmp_path / "project"
        root.mkdir()
        (root / "splines.py").write_text(f"import area\n\narea.{self.NAME}(2, 3)\narea.{self.NAME}(5, 5)\n" * 8)
        (tmp_path / "outside.py").write_text("import area\n\narea.other_things(2)\n" * 40)
        return root

    def test_a_name_that_the_model_has_never_seen(self, root: Path) -> None:
        model = model_of(CODE * 4)
        prefix = "import area\n\narea."
        without = texts(Completer(model), prefix, kind="token", limit=5)
        assert self.NAME not in without
        completer = Completer(model, project=root)
        assert completer.project is not None and completer.project.paths == ["splines.py"]
        for path in ("new.py", str(root / "new.py")):
            assert self.NAME in texts(completer, prefix, kind="token", limit=5, path=path)
            assert any(self.NAME in line for line in texts(completer, prefix, limit=5, path=path))

    def test_a_path_outside_is_never_read(self, root: Path) -> None:
        completer = Completer(model_of(CODE * 4), project=root)
        for path in ("../outside.py", str(root.parent / "outside.py"), "/etc/passwd", "a\0b"):
            found = texts(completer, "import area\n\narea.", kind="token", limit=20, path=path)
            assert not any("other" in text for text in found)

    def test_a_file_that_was_saved_counts_at_once(self, root: Path) -> None:
        completer = Completer(model_of(CODE * 4), project=root)
        (root / "later.py").write_text("area.brand_new_name(1)\n" * 20)
        assert completer.project is not None
        completer.project.saved("later.py")
        assert "brand_new_name" in texts(completer, "x = 1\narea.", kind="token", limit=20, path="new.py")
