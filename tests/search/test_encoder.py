"""Vectors of units and queries: of unit length, equal whatever stands beside them, near where words agree."""

from __future__ import annotations

import io
import math
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tiny_encoder as tiny
from codling.bundle import load_bundle
from codling.errors import BundleError
from codling.search.encoder import FIELDS, Encoder, load_encoder, read_encoder, unit_fields
from codling.search.extract import units_of


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return read_encoder(tiny.write(tmp_path_factory.mktemp("bundles") / "tiny"))


def test_vectors_are_of_unit_length(encoder: Encoder) -> None:
    units = units_of(Path(textwrap.__file__).read_text(), "textwrap.py")
    vectors = encoder.encode_units(units)
    assert vectors.dtype == np.float32 and vectors.shape == (len(units), tiny.DIM)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_unit_alone_is_encoded_as_among_others(encoder: Encoder) -> None:
    several = [tiny.unit(f"name_{number}", code=f"def f{number}():\n    return {number}") for number in range(150)]
    together = encoder.encode_units(several)
    alone = np.concatenate([encoder.encode_units([each]) for each in several])
    assert np.allclose(together, alone, atol=1e-5)


def test_it_is_the_weighted_sum_that_it_says(encoder: Encoder) -> None:
    """Against the definition, one piece at a time."""
    unit = tiny.unit("read_file", doc="Read a file and close the file.", code="def read_file(path): file = open(path)")
    with np.load(io.BytesIO(tiny.files()["encoder.npz"])) as stored:
        table = stored["code"].astype(np.float64) * stored["code_scale"][:, None]
    sums = np.zeros(tiny.DIM)
    for text in unit_fields(unit):
        ids = encoder.pieces.ids(text)
        for number in set(ids):
            sums += (1 + math.log(ids.count(number))) / math.sqrt(len(set(ids))) * table[number]
    assert np.allclose(encoder.encode_units([unit])[0], sums / np.linalg.norm(sums), atol=1e-4)


def test_a_query_finds_what_shares_its_words(encoder: Encoder) -> None:
    wanted = tiny.unit("parse_json", code="def parse_json(line): ...")
    others = [
        tiny.unit("open_server", code="def open_server(http): ..."),
        tiny.unit("sort_list", code="def sort_list(): ..."),
    ]
    query = encoder.encode_queries(["parse json line"])[0]
    scores = encoder.encode_units([*others, wanted]) @ query
    assert scores.argmax() == 2


def test_nothing_to_read_gives_zeros(encoder: Encoder) -> None:
    assert not encoder.encode_queries(["", "?!"]).any()
    assert encoder.encode_units([]).shape == (0, tiny.DIM)
    assert encoder.encode_queries([]).shape == (0, tiny.DIM)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
def test_any_text_is_encoded(encoder: Encoder, text: str) -> None:
    unit = tiny.unit("f", doc=text, code=text or "x")
    for vector in (encoder.encode_queries([text])[0], encoder.encode_units([unit])[0]):
        assert np.isfinite(vector).all()
        assert math.isclose(float(np.linalg.norm(vector)), 1, abs_tol=1e-4) or not vector.any()


def test_fields_are_as_named() -> None:
    fields = unit_fields(tiny.unit("read_json", doc="Reads.", path="pkg/sub/io.py"))
    assert len(fields) == len(FIELDS)
    assert fields[FIELDS.index("name")] == "read_json"
    assert "io" in fields[FIELDS.index("place")].split() and "sub" in fields[FIELDS.index("place")].split()
    assert fields[FIELDS.index("doc")] == "Reads."


def test_fingerprint_tells_weights_apart(tmp_path: Path) -> None:
    one = read_encoder(tiny.write(tmp_path / "one"))
    again = read_encoder(tiny.write(tmp_path / "again"))
    other = read_encoder(tiny.write(tmp_path / "other", tiny.files(seed=1)))
    assert one.fingerprint == again.fingerprint != other.fingerprint


def damaged(contents: dict[str, bytes], name: str, data: bytes) -> dict[str, bytes]:
    return contents | {name: data}


@pytest.mark.parametrize(
    "contents",
    [
        damaged(tiny.files(), "encoder.npz", b"no zip at all"),
        damaged(tiny.files(), "vocab.json", b"{"),
        damaged(tiny.files(), "vocab.json", b'{"format": 99, "pieces": []}'),
        damaged(tiny.files(), "vocab.json", b'{"format": 1, "pieces": ["a"]}'),
        damaged(tiny.files(), "vocab.json", b'{"format": 1}'),
        {"vocab.json": tiny.files()["vocab.json"]},
    ],
)
def test_a_damaged_bundle_is_refused(tmp_path: Path, contents: dict[str, bytes]) -> None:
    bundle = tiny.write(tmp_path / "damaged", contents)
    with pytest.raises(BundleError):
        load_encoder(bundle.path)


def test_a_bundle_of_another_kind_is_refused(tmp_path: Path) -> None:
    bundle = tiny.write(tmp_path / "lm", kind="lm")
    with pytest.raises(BundleError, match="kind"):
        read_encoder(load_bundle(bundle.path))
