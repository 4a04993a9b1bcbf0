"""Training: it learns to tell documented code of the standard library apart; what ships computes what was trained."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import tarfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from codling.corpus.readers import LocalSource
from codling.errors import BundleError, CorpusError, TrainingError
from codling.search.encoder import read_encoder, unit_fields
from codling.search.extract import units_of
from codling.search.train.bags import DOC, Bags, Ragged, read_bags
from codling.search.train.config import EncoderConfig, FitConfig, SearchRunConfig, ViewConfig
from codling.search.train.exclude import Excluded
from codling.search.train.export import export_encoder
from codling.search.train.fit import Fitted, fit, learn_vocabulary, start_vectors
from codling.search.train.mine import MineConfig, mine
from codling.search.train.net import Bag, _Contrast
from codling.search.train.runs import train_encoder
from codling.search.train.teacher import Teacher
from codling.search.train.views import Views
from codling.search.words import Pieces

CONFIG = SearchRunConfig(
    encoder=EncoderConfig(num_pieces=2_000, dim=32),
    views=ViewConfig(run=8, named=0.3, paraphrased=0),
    fit=FitConfig(batch_sizes=(64,), pairs=64 * 60, runs=2),
)


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three projects, so that their common words make it into the vocabulary."""
    folder = tmp_path_factory.mktemp("mined")
    modules = [argparse, csv, textwrap, json, dataclasses, tarfile]
    sources = []
    for number in range(3):
        path = folder / f"stdlib{number}-1.0.tar"
        with tarfile.open(path, "w") as archive:
            for module in (*modules[2 * number : 2 * number + 2], argparse):
                archive.add(str(module.__file__), f"stdlib{number}-1.0/{module.__name__}{number}.py")
            licence = folder / "LICENSE"
            licence.write_text("The MIT License")
            archive.add(licence, f"stdlib{number}-1.0/LICENSE")
        sources.append(LocalSource(spec=str(path), kind="archive", path=path, identity=str(number)))
    mine(folder, sources, MineConfig(), Excluded(()))
    return folder


@pytest.fixture(scope="module")
def pieces(mined: Path) -> Pieces:
    found = learn_vocabulary(mined, CONFIG.encoder)
    if len(found) < 200:  # three small projects share few words; spell the rest
        pytest.fail(f"only {len(found)} pieces")
    return found


@pytest.fixture(scope="module")
def bags(mined: Path, pieces: Pieces) -> Bags:
    return read_bags(mined, pieces)


@pytest.fixture(scope="module")
def fitted(bags: Bags, pieces: Pieces) -> Fitted:
    return fit(bags, start_vectors(pieces, None, CONFIG.encoder, 0), CONFIG, pieces=pieces)


def test_ragged_takes_rows() -> None:
    ragged = Ragged.of([np.array([1, 2], np.int32), np.array([], np.int32), np.array([3], np.int32)])
    values, owners = ragged.take(np.array([2, 1, 0, 2]))
    assert values.tolist() == [3, 1, 2, 3] and owners.tolist() == [0, 2, 2, 3]


def test_bags_hold_what_the_encoder_reads(bags: Bags, pieces: Pieces) -> None:
    assert len(bags) > 100
    assert not (bags.pieces.values // len(pieces) == DOC).any()  # documentation is shown by the views, part by part
    assert bags.counts.values.min() >= 1 and len(bags.counts.values) == len(bags.pieces.values)
    assert bags.languages == ("python",)


def test_views_are_the_same_for_the_same_seed(bags: Bags, pieces: Pieces) -> None:
    def three(seed: int) -> list[list[int]]:
        views = Views(bags, CONFIG.views, pieces=pieces, batch_size=64, seed=seed)
        return [side.pieces_M.tolist() for _ in range(3) for side in views.next()]

    assert three(0) == three(0) != three(1)


def test_views_drop_what_they_should(bags: Bags, pieces: Pieces) -> None:
    nothing = ViewConfig(run=8, with_doc=0, drop_query=0, with_phrase=0, drop_fields=(0, 0, 0, 0, 0), drop_code=0)

    def first(config: ViewConfig) -> tuple[Bag, Bag]:
        return Views(bags, config, pieces=pieces, batch_size=64, seed=0).next()

    queries, code = first(nothing)
    assert not ((code.pieces_M // len(pieces)) == DOC).any()
    without_names = dataclasses.replace(nothing, drop_fields=(1, 1, 1, 0, 0))
    _, code = first(without_names)
    assert set((code.pieces_M // len(pieces)).tolist()) == {4}
    assert len(queries.offsets_N) == len(code.offsets_N)
    whole = first(nothing)[1]
    halved = first(dataclasses.replace(nothing, drop_code=0.5))[1]
    assert len(halved.pieces_M) == pytest.approx(len(whole.pieces_M) / 2, rel=0.1)


def test_units_are_asked_for_by_name_and_lack_it(bags: Bags, pieces: Pieces) -> None:
    named = ViewConfig(run=8, drop_query=0, with_phrase=0, named=1, drop_fields=(0, 0, 0, 0, 0), drop_code=0)
    queries, code = Views(bags, named, pieces=pieces, batch_size=64, seed=0).next()
    assert not (code.pieces_M < len(pieces)).any()  # the field of names
    names = {piece for text in units_of(Path(argparse.__file__).read_text(), "x.py") for piece in pieces.ids(text.name)}
    asked = queries.pieces_M.tolist()
    assert len(asked) >= 64 and np.isin(asked, list(names)).mean() > 0.5  # the other half is of other modules


def test_the_loss_is_the_two_cross_entropies() -> None:
    """Oracle: autograd through PyTorch's own."""
    torch.manual_seed(0)
    sides = [functional.normalize(torch.randn(40, 16), dim=1).requires_grad_() for _ in range(2)]
    scale = torch.tensor(30.0, requires_grad=True)
    scores = scale * (sides[0] @ sides[1].T)
    own = torch.arange(40)
    expected = (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2
    wanted = torch.autograd.grad(3 * expected, [*sides, scale])
    loss, accuracy = _Contrast.apply(*sides, scale)
    found = torch.autograd.grad(3 * loss, [*sides, scale])
    torch.testing.assert_close(loss, expected)
    assert accuracy == (scores.argmax(1) == own).float().mean()
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_it_learns(fitted: Fitted) -> None:
    curve = fitted.curve[: len(fitted.curve) // 2]  # of the first run
    assert curve[0].loss_nats > 1.3 * curve[-1].loss_nats
    assert curve[-1].accuracy > 0.25  # of 64, with a third of the words and of the fields hidden, or the name alone


def test_runs_are_averaged(bags: Bags, pieces: Pieces) -> None:
    """What two runs give is the mean of what each gives."""
    start = start_vectors(pieces, None, CONFIG.encoder, 0)

    def trained(runs: int, seed: int) -> Tensor:
        short = dataclasses.replace(CONFIG, fit=FitConfig(batch_sizes=(64,), pairs=320, runs=runs, seed=seed))
        return fit(bags, start, short, pieces=pieces).model.code_VD.detach()

    torch.testing.assert_close(trained(2, 7), (trained(1, 7) + trained(1, 8)) / 2)


def test_what_ships_computes_what_was_trained(fitted: Fitted, pieces: Pieces, tmp_path: Path) -> None:
    """Oracle: PyTorch in float32 against numpy in int8."""
    said = {"units": 1, "languages": {"python": 1}}
    encoder = read_encoder(export_encoder(fitted, pieces, CONFIG, tmp_path / "small", mined=said, teacher=""))
    units = units_of(Path(csv.__file__).read_text(), "csv.py")
    rows = [np.unique(encoder.bag(unit_fields(unit)), return_counts=True) for unit in units]
    offsets = np.cumsum([0, *(len(keys) for keys, _ in rows)])[:-1]
    bag = Bag(
        torch.from_numpy(np.concatenate([keys for keys, _ in rows]).astype(np.int64)),
        torch.from_numpy(np.concatenate([counts for _, counts in rows]).astype(np.float32)),
        torch.from_numpy(offsets),
    )
    with torch.inference_mode():
        expected = fitted.model.encode_code(bag).numpy()
    assert (encoder.encode_units(units) * expected).sum(axis=1).min() > 0.999
    query = "read rows of a file"
    ids = torch.tensor(pieces.ids(query))
    with torch.inference_mode():
        wanted = fitted.model.encode_queries(Bag(ids, torch.ones(len(ids)), torch.tensor([0])))[0].numpy()
    assert float(encoder.encode_queries([query])[0] @ wanted) > 0.999


def test_a_whole_training_writes_a_bundle(mined: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(CONFIG.fit, pairs=192))
    bundle = train_encoder(config, mined, tmp_path / "tiny", on_step=lambda _: None, on_stage=lambda _: None)
    assert bundle.card.kind == "search" and bundle.card.data["units"] > 100
    assert {row["licence"] for row in bundle.card.data["projects"]} == {"MIT"}
    assert read_encoder(bundle).dim == 32


def test_too_little_is_said(bags: Bags, pieces: Pieces, tmp_path: Path) -> None:
    large = dataclasses.replace(CONFIG, fit=FitConfig(batch_sizes=(64, 1 << 20)))
    with pytest.raises(TrainingError, match="mine more"):
        fit(bags, start_vectors(pieces, None, CONFIG.encoder, 0), large, pieces=pieces)
    with pytest.raises(CorpusError, match="search-train mine"):
        train_encoder(CONFIG, tmp_path, tmp_path / "x", on_step=lambda _: None, on_stage=lambda _: None)
    with pytest.raises(BundleError, match="teach"):
        Teacher(tmp_path)
