"""From a bundle back to the network: it computes what the graph computes, and foreign graphs are refused."""

from __future__ import annotations

import dataclasses
import inspect
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper

from codling.bundle import Bundle, Card, load_bundle, write_bundle
from codling.config import to_mapping
from codling.engine import load_model
from codling.errors import BundleError
from codling.lm.config import ModelConfig
from codling.lm.graph import build_graph, quantise, state_rows
from codling.lm.nets import RecurrentLM
from codling.lm.restore import float_constants, is_int8, restore
from codling.vocab import CharVocab

VOCAB = CharVocab()
TOKENS = np.array([[0, *VOCAB.encode(inspect.getsource(json.loads)[i * 60 : i * 60 + 60])] for i in range(3)], np.int64)

LOOK_UPS = {"ngram_orders": (2, 4), "ngram_buckets": 509, "ngram_size": 8, "match_orders": (3, 5), "match_slots": 360}
CONFIGS = {
    "rnn": ModelConfig(cell="rnn", hidden_size=24),
    "gru": ModelConfig(cell="gru", hidden_size=24, num_layers=3),
    "lstm": ModelConfig(cell="lstm", hidden_size=24),
    "look-ups": ModelConfig(hidden_size=24, match_size=8, **LOOK_UPS),
    "tied": ModelConfig(hidden_size=40, num_layers=1, embedding_size=24, match_size=8, tied=True, **LOOK_UPS),
    "pointer": ModelConfig(hidden_size=40, num_layers=1, tied=True, pointer_size=8, pointer_window=20, **LOOK_UPS),
    "tied-plain": ModelConfig(hidden_size=40, num_layers=1, embedding_size=24, tied=True),
}


def network(config: ModelConfig) -> RecurrentLM:
    torch.manual_seed(1)
    model = RecurrentLM(config, VOCAB.size).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def bundle_of(folder: Path, model: RecurrentLM, graph: bytes) -> Bundle:
    card = Card(
        name=folder.name,
        kind="lm",
        description="for tests",
        languages=("python",),
        licence="Apache-2.0",
        states=state_rows(model),
        training={"config": {"model": to_mapping(model.config)}},
    )
    write_bundle(folder, card, {"model.onnx": graph, "vocab.json": json.dumps(VOCAB.to_json()).encode()})
    return load_bundle(folder)


def log_probs(model: RecurrentLM) -> np.ndarray:
    with torch.no_grad():
        logits, _ = model(torch.tensor(TOKENS), model.initial_state(len(TOKENS)))
    return logits.log_softmax(-1).numpy()


@pytest.mark.parametrize("name", CONFIGS)
def test_a_float32_graph_comes_back_as_the_network_that_it_was(name: str, tmp_path: Path) -> None:
    model = network(CONFIGS[name])
    bundle = bundle_of(tmp_path / "float32", model, build_graph(model))
    restored, vocab = restore(bundle)
    assert not is_int8(bundle) and vocab.to_json() == VOCAB.to_json() and restored.config == model.config
    for (key, ours), theirs in zip(restored.named_parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-7, rtol=1e-6, msg=key)
    engine = load_model(bundle)
    found, _ = engine.run(TOKENS, engine.initial_state(len(TOKENS)))
    np.testing.assert_allclose(log_probs(restored), found, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "look-ups", "tied", "pointer", "tied-plain"])
def test_an_int8_graph_comes_back_and_goes_out_with_the_same_int8_weights(name: str, tmp_path: Path) -> None:
    model = network(CONFIGS[name])
    graph = quantise(build_graph(model))
    bundle = bundle_of(tmp_path / "int8", model, graph)
    restored, _ = restore(bundle)
    assert is_int8(bundle)
    for (key, ours), theirs in zip(restored.named_parameters(), model.parameters(), strict=True):
        step = float(theirs.detach().abs().max()) / 127  # the coarsest scale that any of its channels has
        assert float((ours - theirs).detach().abs().max()) <= 0.51 * step, key
    engine = load_model(bundle)
    found, _ = engine.run(TOKENS, engine.initial_state(len(TOKENS)))
    assert np.abs(log_probs(restored) - found).max() < 0.25  # as far as int8 activations are from float32 ones
    before, after = (
        onnx.load_from_string(which).graph.initializer for which in (graph, quantise(build_graph(restored)))
    )
    whole = {tensor.name: numpy_helper.to_array(tensor) for tensor in before}
    again = {tensor.name: numpy_helper.to_array(tensor) for tensor in after}
    assert whole.keys() == again.keys()
    assert sum(array.dtype == np.int8 and array.size > 100 for array in whole.values()) >= 3
    for key, array in whole.items():
        if array.dtype == np.int8:
            assert np.array_equal(array, again[key]), key


def test_restoring_draws_no_random_numbers(tmp_path: Path) -> None:
    model = network(CONFIGS["lstm"])
    bundle = bundle_of(tmp_path / "float32", model, build_graph(model))
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    restore(bundle)
    assert torch.equal(torch.rand(4), expected)


def damaged(graph: bytes, how: str) -> bytes:
    """A graph with one thing wrong."""
    model = onnx.load_from_string(graph)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    if how == "lacks":
        model.graph.initializer.remove(tensors["projection_quantized"])
    elif how == "unscaled":
        model.graph.initializer.remove(tensors["embedding.scale"])
    elif how == "shape":
        array = numpy_helper.to_array(tensors["output.bias"])[:-1]
        tensors["output.bias"].CopyFrom(numpy_helper.from_array(array, "output.bias"))
    elif how == "nan":
        array = numpy_helper.to_array(tensors["output.bias"]) * np.float32(np.nan)
        tensors["output.bias"].CopyFrom(numpy_helper.from_array(array, "output.bias"))
    elif how == "scale":
        tensors["embedding.input_scale"].CopyFrom(numpy_helper.from_array(np.float32(2), "embedding.input_scale"))
    elif how == "more":
        model.graph.initializer.append(numpy_helper.from_array(np.ones(3, np.float32), "adapter"))
    elif how == "outside":
        tensors["output.bias"].data_location = TensorProto.EXTERNAL
        tensors["output.bias"].external_data.add(key="location", value="secret")
    elif how == "cut":
        tensors["output.bias"].raw_data = tensors["output.bias"].raw_data[:-2]
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("lacks", "has nothing for the weight 'projection.weight'"),
        ("unscaled", "int8 weights without 'embedding.scale'"),
        ("shape", "'output_bias' would be"),
        ("nan", "'output_bias' is not finite"),
        ("scale", "something else with 'embedding.input_scale'"),
        ("more", "has 'adapter', unlike its configuration"),
        ("outside", "'output.bias' lies outside the graph"),
        ("cut", "'output.bias' is damaged"),
    ],
)
def test_a_damaged_graph_is_refused(how: str, says: str, tmp_path: Path) -> None:
    model = network(CONFIGS["tied"])
    bundle = bundle_of(tmp_path / "tied", model, damaged(quantise(build_graph(model)), how))
    with pytest.raises(BundleError, match=says):
        restore(bundle)


def test_a_foreign_bundle_is_refused(tmp_path: Path) -> None:
    model = network(CONFIGS["tied"])
    bundle = bundle_of(tmp_path / "tied", model, build_graph(model))

    def with_card(**changes: object) -> Bundle:
        return Bundle(path=bundle.path, card=dataclasses.replace(bundle.card, **changes))

    for training in ({}, {"config": {"cell": "lstm"}}, {"config": 3}):
        with pytest.raises(BundleError, match="its card has no configuration of a network"):
            restore(with_card(training=training))
    with pytest.raises(BundleError, match="unknown key 'model"):
        restore(with_card(training={"config": {"model": {"attention": 4}}}))
    with pytest.raises(BundleError, match="its states are not those of its configuration"):
        restore(with_card(states=bundle.card.states[:-1]))
    other = to_mapping(CONFIGS["tied-plain"])
    with pytest.raises(BundleError, match="cannot be trained any further"):
        restore(with_card(training={"config": {"model": other}}))
    (bundle.path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match=r"no ONNX graph|has nothing for the weight"):
        restore(bundle)


def test_float_constants_keep_the_names_of_the_graph() -> None:
    model = network(CONFIGS["tied"])
    graph = build_graph(model)
    exact, close = (float_constants(onnx.load_from_string(which)) for which in (graph, quantise(graph)))
    assert exact.keys() == close.keys()
    assert all(exact[name].shape == close[name].shape for name in exact)
