"""A small, real language-model bundle for tests: a two-layer character LSTM with random weights, built with onnx.

The graph has the contract of the shipped ones: ``tokens`` int64 [B, T] and ``state_in.h0`` … float32 [1, B, H] in;
``log_probs`` float32 [B, T, V] and ``state_out.h0`` … out. Nothing is learned, everything is exact and repeatable, and
building one takes milliseconds.
"""

# B batch, T time, V vocabulary, E embedding, H hidden, L layers

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from codling.bundle import Card, StateRow, write_bundle
from codling.vocab import DOC, CharVocab, Vocab

__all__ = ["tiny_bundle", "tiny_graph"]

NUM_LAYERS = 2
EMBEDDING = 24


def tiny_bundle(
    folder: Path,
    *,
    name: str = "tiny",
    hidden: int = 32,
    seed: int = 0,
    int8: bool = False,
    loves: str = "",
    characters: str | None = None,
    vocab: Vocab | None = None,
    language: str = "python",
) -> Path:
    """Write a bundle and return its folder, ``folder / name``.

    Args:
        folder: where to put it, for example ``$CODLING_HOME/bundles``.
        hidden: units per layer.
        seed: of the random weights.
        int8: quantise the weights as ONNX Runtime's dynamic quantisation does.
        loves: characters that the model nearly always predicts (" " gives the paper's loop of spaces).
        characters: the vocabulary's characters; printable ASCII, newline and tab when None.
        vocab: another vocabulary in their place.
    """
    if vocab is None:
        vocab = CharVocab() if characters is None else CharVocab(characters)
    model = tiny_graph(vocab, hidden=hidden, seed=seed, loves=loves)
    card = Card(
        name=name,
        kind="lm",
        description="random weights, for tests",
        languages=(language,),
        licence="Apache-2.0",
        cleaning={},
        states=tuple(
            StateRow(name=f"{kind}{layer}", shape=(1, -1, hidden)) for layer in range(NUM_LAYERS) for kind in "hc"
        ),
        training={"config": {"cell": "lstm", "layers": NUM_LAYERS, "hidden": hidden, "seed": seed}},
        data={},
    )
    files = {
        "model.onnx": _quantise(model) if int8 else model.SerializeToString(),
        "vocab.json": json.dumps(vocab.to_json()).encode(),
    }
    return write_bundle(folder / name, card, files).path


def tiny_graph(vocab: Vocab, *, hidden: int, seed: int, loves: str = "") -> onnx.ModelProto:
    """The ONNX graph: embedding, two LSTM layers, a linear layer, log-softmax."""
    random = np.random.default_rng(seed)
    initializers: list[TensorProto] = []
    nodes: list[Any] = []

    def constant(name: str, value: np.ndarray) -> str:
        initializers.append(numpy_helper.from_array(value, name))
        return name

    def weights(name: str, *shape: int, gain: float = 1.5) -> str:
        return constant(name, (random.normal(size=shape) * gain / np.sqrt(shape[-1])).astype(np.float32))

    inputs = [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["B", "T"])]
    outputs = [helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["B", "T", vocab.size])]
    nodes += [
        helper.make_node("Gather", [weights("embedding", vocab.size, EMBEDDING, gain=4.0), "tokens"], ["embedded"]),
        helper.make_node("Transpose", ["embedded"], ["x0"], perm=[1, 0, 2]),
    ]
    axis = constant("direction_axis", np.array([1]))
    for layer in range(NUM_LAYERS):
        size = hidden if layer else EMBEDDING
        names = [
            weights(f"W{layer}", 1, 4 * hidden, size),
            weights(f"R{layer}", 1, 4 * hidden, hidden),
            weights(f"bias{layer}", 1, 8 * hidden, gain=0.1),
        ]
        for kind in "hc":
            shape = [1, "B", hidden]
            inputs.append(helper.make_tensor_value_info(f"state_in.{kind}{layer}", TensorProto.FLOAT, shape))
            outputs.append(helper.make_tensor_value_info(f"state_out.{kind}{layer}", TensorProto.FLOAT, shape))
        nodes += [
            helper.make_node(
                "LSTM",
                [f"x{layer}", *names, "", f"state_in.h{layer}", f"state_in.c{layer}"],
                [f"y{layer}", f"state_out.h{layer}", f"state_out.c{layer}"],
                hidden_size=hidden,
            ),
            helper.make_node("Squeeze", [f"y{layer}", axis], [f"x{layer + 1}"]),
        ]
    nodes += [
        helper.make_node("Transpose", [f"x{NUM_LAYERS}"], ["top"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["top", constant("output", _output_weights(random, hidden, vocab.size))], ["raw"]),
        helper.make_node("Add", ["raw", constant("output_bias", _output_bias(vocab, loves))], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["log_probs"], axis=-1),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def _output_weights(random: np.random.Generator, hidden: int, size: int) -> np.ndarray:
    return (random.normal(size=(hidden, size)) * 8 / np.sqrt(hidden)).astype(np.float32)


def _output_bias(vocab: Vocab, loves: str) -> np.ndarray:
    """Rare bytes stay rare, lines end now and then, and loved characters win nearly always."""
    bias = np.zeros(vocab.size, np.float32)
    bias[DOC] = -12
    if isinstance(vocab, CharVocab):
        bias[1 + len(vocab.characters) :] = -12
    pieces = vocab.pieces()
    for character, amount in (("\n", 1.5), (" ", 0.5), *((character, 16) for character in loves)):
        if character.encode() in pieces:
            bias[pieces.index(character.encode())] = amount
    return bias


def _quantise(model: onnx.ModelProto) -> bytes:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)  # it advises preprocessing on the root logger
        try:
            quantize_dynamic(source, target, weight_type=QuantType.QInt8)
        finally:
            root.setLevel(level)
        return target.read_bytes()
