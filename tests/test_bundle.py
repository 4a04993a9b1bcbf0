from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from codling.bundle import Card, list_bundles, load_bundle, write_bundle
from codling.errors import BundleError

FILES = {"model.onnx": b"\x08\x09graph", "vocab.json": b'{"kind": "characters", "characters": "ab"}'}


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "bundles" / "mine"
    card = Card(name="mine", kind="lm", description="a test", languages=("python",), licence="Apache-2.0")
    write_bundle(folder, card, FILES)
    return folder


def zipped(bundle: Path, to: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(to, "w") as archive:
        for path in bundle.iterdir():
            archive.write(path, prefix + path.name)
    return to


def test_found_by_name_path_and_zip(bundle: Path, tmp_path: Path) -> None:
    by_name = load_bundle("mine")
    assert by_name.path == bundle
    assert by_name.file("model.onnx").read_bytes() == FILES["model.onnx"]
    assert by_name.num_bytes == sum(map(len, FILES.values()))
    assert load_bundle(bundle).card == by_name.card
    for prefix in ("", "mine/"):
        archive = zipped(bundle, tmp_path / f"{len(prefix)}.zip", prefix)
        assert load_bundle(archive).card == by_name.card
        assert load_bundle(archive).path == load_bundle(archive).path  # unpacked once
    assert next(path.name for path, _ in list_bundles()) == "mine"


def test_a_folder_that_only_has_the_name_hides_no_bundle(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "mine").mkdir(parents=True)
    monkeypatch.chdir(project)
    assert load_bundle("mine").path == bundle
    (project / "other").mkdir()
    with pytest.raises(BundleError, match=r"other is no bundle: it has no readable card\.json"):
        load_bundle("other")
    write_bundle(project / "mine", load_bundle(bundle).card, {"vocab.json": b"{}"})
    assert load_bundle("mine").path == Path("mine")  # a bundle here goes before


def test_unknown_name_is_one_clear_line(bundle: Path) -> None:
    with pytest.raises(BundleError, match="no bundle 'mime'; did you mean 'mine'"):
        load_bundle("mime")
    for hostile in ("..", "../mine", "", "a/b", "/nowhere"):
        with pytest.raises(BundleError):
            load_bundle(hostile)


def test_replacing_keeps_a_whole_bundle(bundle: Path) -> None:
    card = load_bundle(bundle).card
    write_bundle(bundle, card, {"vocab.json": b"{}"})
    assert set(load_bundle(bundle).card.files) == {"vocab.json"}
    assert not (bundle / "model.onnx").exists()
    assert [path.name for path in bundle.parent.iterdir()] == ["mine"]  # nothing left lying about


@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_writing_replaces_nothing_that_is_no_bundle(bundle: Path, tmp_path: Path, what: str) -> None:
    card, place = load_bundle(bundle).card, tmp_path / "place"
    if what == "folder":
        place.mkdir()
        (place / "thesis.txt").write_text("three years of work")
    elif what == "file":
        place.write_text("three years of work")
    else:
        place.symlink_to("nowhere")
    with pytest.raises(BundleError, match="is there already and is no bundle; name another place"):
        write_bundle(place, card, FILES)
    assert place.is_symlink() or (place / "thesis.txt" if what == "folder" else place).read_text().startswith("three")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert write_bundle(empty, card, FILES).path == empty
    for name in (".", "..", "a\nb", "\udcff"):
        with pytest.raises(BundleError, match="names no bundle"):
            write_bundle(Path(name), card, FILES)


@pytest.mark.parametrize("name", ["model.onnx", "vocab.json", "card.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "missing"])
def test_every_damage_is_found(bundle: Path, name: str, damage: str) -> None:
    path = bundle / name
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 0xFF
    elif damage == "cut":
        data = data[:-2]
    elif damage == "empty":
        data.clear()
    path.unlink()
    if damage != "missing":
        path.write_bytes(data)
    with pytest.raises(BundleError) as error:
        load_bundle(bundle)
    assert str(bundle) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 99},
        {"surprise": 1},
        {"languages": 3},
        {"files": {"../../etc/passwd": {"bytes": 1, "sha256": "0"}}},
        {"files": {"/etc/hostname": {"bytes": 1, "sha256": "0"}}},
        {"files": {"model.onnx": {"bytes": "many", "sha256": 1}}},
        {"files": []},
        {"name": "\x1b[31mred"},
        {"description": "two\nlines"},
    ],
)
def test_a_hostile_card_is_refused(bundle: Path, change: dict[str, object]) -> None:
    card = json.loads((bundle / "card.json").read_text())
    (bundle / "card.json").write_text(json.dumps(card | change))
    with pytest.raises(BundleError):
        load_bundle(bundle)


def test_a_card_from_before_a_key_was_given_up(bundle: Path) -> None:
    card = json.loads((bundle / "card.json").read_text())
    (bundle / "card.json").write_text(json.dumps(card | {"hints": 0.03}))
    assert load_bundle(bundle).card == load_bundle("mine").card
    (bundle / "card.json").write_text(json.dumps(card | {"hint": 0.03}))
    with pytest.raises(BundleError, match="unknown key"):
        load_bundle(bundle)


@pytest.mark.parametrize("card", ["[]", "null", "3", '"x"', "{", "[" * 100_000])
def test_a_card_that_is_no_table_is_refused(bundle: Path, card: str) -> None:
    (bundle / "card.json").write_text(card)
    with pytest.raises(BundleError):
        load_bundle(bundle)


def test_a_symbolic_link_out_of_the_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(FILES["model.onnx"])
    (bundle / "model.onnx").unlink()
    try:
        (bundle / "model.onnx").symlink_to(elsewhere)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    with pytest.raises(BundleError, match="missing"):
        load_bundle(bundle)


def test_a_zip_writes_nothing_outside_its_folder(bundle: Path, tmp_path: Path) -> None:
    archive = tmp_path / "hostile.zip"
    with zipfile.ZipFile(zipped(bundle, archive), "a") as file:
        file.writestr("../../../escaped.txt", "out")
    unpacked = load_bundle(archive).path
    assert list(tmp_path.parent.rglob("escaped.txt")) == [
        unpacked / "escaped.txt"
    ]  # flat, beside the bundle's own files


def test_a_file_that_is_no_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"not a zip at all")
    with pytest.raises(BundleError, match="no readable zip"):
        load_bundle(path)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=lambda m: f"way{m}"
)
def test_a_zip_that_is_damaged_anywhere_is_one_clear_line(bundle: Path, tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "whole.zip", "w", method) as archive:
        archive.write(bundle / "card.json", "card.json")
        for name in FILES:
            archive.writestr(name, (bundle / name).read_bytes())
    whole = (tmp_path / "whole.zip").read_bytes()
    for at in range(0, len(whole), 3):
        damaged = tmp_path / "damaged.zip"
        damaged.write_bytes(whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :])
        try:
            read = load_bundle(damaged)
        except BundleError as error:
            assert "\n" not in str(error)
        else:  # a date, a mark that nobody reads
            assert {name: read.file(name).read_bytes() for name in FILES} == FILES


def test_an_unpacked_zip_that_was_damaged_is_unpacked_again(bundle: Path, tmp_path: Path) -> None:
    archive = zipped(bundle, tmp_path / "mine.zip")
    for damage in ("model.onnx", "card.json"):
        unpacked = load_bundle(archive).path
        (unpacked / damage).write_bytes(b"{")
        again = load_bundle(archive)
        assert (again.path, again.file("model.onnx").read_bytes()) == (unpacked, FILES["model.onnx"])
        (unpacked / damage).unlink()
        assert load_bundle(archive).file("model.onnx").read_bytes() == FILES["model.onnx"]


def test_a_zip_that_unpacks_to_too_much(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codling.bundle.MAX_BUNDLE_BYTES", 10)
    with pytest.raises(BundleError, match="unpacks to more"):
        load_bundle(zipped(bundle, tmp_path / "big.zip"))


def test_what_a_killed_process_left_is_not_listed(bundle: Path) -> None:
    for name in (".mine.k3j2", ".mine.old-12"):
        write_bundle(bundle.with_name(name), load_bundle(bundle).card, FILES)
    assert [path.name for path, _ in list_bundles() if path.parent == bundle.parent] == ["mine"]


def test_a_damaged_bundle_is_listed_as_such(bundle: Path) -> None:
    (bundle / "card.json").write_text("{")
    rows = {path.name: card for path, card in list_bundles()}
    assert isinstance(rows["mine"], BundleError)
