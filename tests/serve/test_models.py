from __future__ import annotations

from pathlib import Path

import pytest

from chain_bundle import chain_bundle
from codling.bundle import load_bundle
from codling.engine.model import load_model
from codling.errors import BundleError
from codling.serve.models import Shelf, UnknownModelError
from tiny_bundle import tiny_bundle

SHIPPED = "python"


def test_the_first_one_chosen_is_the_default(chain: Path, tiny: Path) -> None:
    shelf = Shelf([str(tiny), str(chain)])
    assert shelf.default == "tiny"
    assert (
        shelf.check(None) == "tiny"
        and shelf.completer("tiny").model.name == "tiny"
        and shelf.completer("chain").model.name == "chain"
    )
    assert shelf.completer("chain") is shelf.completer("chain")


def test_two_of_one_name_are_told_apart(chain: Path, tmp_path: Path) -> None:
    shelf = Shelf([str(chain), str(chain_bundle(tmp_path))])
    assert [row.name for row in shelf.list().models] == ["chain", "chain-2"]
    assert shelf.completer("chain") is not shelf.completer("chain-2")


def test_without_a_choice_all_of_the_user_s_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path))
    tiny_bundle(tmp_path / "bundles", name="aaa")
    chain_bundle(tmp_path / "bundles", name=SHIPPED)
    shelf = Shelf()
    assert shelf.default == SHIPPED  # by name, not by order
    assert {row.name for row in shelf.list().models} >= {"aaa", SHIPPED}


def test_a_damaged_bundle_is_refused_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path))
    broken = tiny_bundle(tmp_path / "bundles", name="broken")
    chain_bundle(tmp_path / "bundles", name=SHIPPED)
    (broken / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(BundleError, match=r"model\.onnx"):
        Shelf([str(broken)])
    with pytest.raises(UnknownModelError, match=r"model\.onnx"):
        Shelf().completer("broken")
    with pytest.raises(UnknownModelError, match="python"):
        Shelf().completer("python-chat")


def test_a_bundle_that_vanishes_while_it_is_loaded_is_said_to(tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle(tmp_path))
    bundle.file("model.onnx").unlink()
    with pytest.raises(BundleError, match=r"model.onnx cannot be read"):
        load_model(bundle)
