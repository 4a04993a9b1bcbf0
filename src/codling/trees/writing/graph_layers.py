"""Layers in an ONNX graph, as the graphs of a writer have them."""

# U texts, P pieces of a text, E embedding, H hidden

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from codling.training.onnx_graph import Graph
from codling.trees.writing.lexicon import MAX_PIECES

__all__ = ["halved", "linear", "lstm", "text_vectors"]

_GATES = (0, 3, 1, 2)  # where ONNX's gates i, o, f, c stand among PyTorch's i, f, c, o
_SMALL = 64  # numbers of a constant below which half precision saves nothing


class _Tables(Protocol):
    """A network with vectors of words and pieces."""

    words: nn.Embedding
    pieces: nn.Embedding


def text_vectors(graph: Graph, net: _Tables) -> list[str]:
    """Inputs ``words`` int64 [U] and ``pieces`` int64 [U, P] (0 is padding); two results whose sum are the vectors."""
    graph.input("words", TensorProto.INT64, ["U"])
    graph.input("pieces", TensorProto.INT64, ["U", MAX_PIECES])
    own = graph.node("Gather", [graph.constant("words.table", net.words.weight), "words"])
    pieces = graph.node("Gather", [graph.constant("pieces.table", net.pieces.weight), "pieces"])
    total = graph.node("ReduceSum", [pieces, graph.ints(1)], keepdims=0)
    there = graph.node("Cast", [graph.node("Cast", ["pieces"], to=TensorProto.BOOL)], to=TensorProto.FLOAT)
    count = graph.node("ReduceSum", [there, graph.ints(1)], keepdims=1)
    count = graph.node("Max", [count, graph.constant("one", np.float32(1))])
    return [own, graph.node("Div", [total, count])]


def lstm(graph: Graph, name: str, layers: list[nn.LSTM], x: str, rest: list[str]) -> list[str]:
    """A layer, or one in each direction, over ``x`` [T, B, E]: what it gives for each element, [T, D, B, H], its last
    hidden states, and its last cells, [D, B, H] each.

    Args:
        rest: lengths of the sequences, first hidden states, first cells; empty for none.
    """
    weights = [_lstm_weights(layer) for layer in layers]
    names = [
        graph.constant(f"{name}.{key}", np.concatenate([each[i] for each in weights]))
        for i, key in enumerate(("w", "r", "b"))
    ]
    outputs = [graph.name() for _ in range(3)]
    node = helper.make_node(
        "LSTM",
        [x, *names, *rest],
        outputs,
        name=outputs[0],
        hidden_size=layers[0].hidden_size,
        direction="bidirectional" if len(layers) == 2 else "forward",
    )
    graph.nodes.append(node)
    return outputs


def linear(graph: Graph, name: str, layer: nn.Linear, x: str) -> str:
    """A product with a layer's weights, and its bias if it has one."""
    product = graph.node("MatMul", [x, graph.constant(f"{name}.weight", layer.weight.T)])
    return product if layer.bias is None else graph.node("Add", [product, graph.constant(f"{name}.bias", layer.bias)])


def _lstm_weights(layer: nn.LSTM) -> list[npt.NDArray[np.float32]]:
    """Weights of a layer as ONNX has them, one direction: [1, 4H, E], [1, 4H, H], [1, 8H]."""

    def turned(parameter: Any) -> npt.NDArray[np.float32]:
        array: npt.NDArray[np.float32] = parameter.detach().float().cpu().numpy()
        size = len(array) // 4
        return np.concatenate([array[gate * size : (gate + 1) * size] for gate in _GATES])

    biases = np.concatenate([turned(layer.bias_ih_l0), turned(layer.bias_hh_l0)])
    return [turned(layer.weight_ih_l0)[None], turned(layer.weight_hh_l0)[None], biases[None]]


def halved(model: onnx.ModelProto, ending: str) -> bytes:
    """The graph with its large constants whose names end so in half precision, and a node that widens each."""
    casts = []
    for tensor in list(model.graph.initializer):
        large = tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= _SMALL
        if large and tensor.name.endswith(ending) and not tensor.name.endswith(".exact"):
            half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{tensor.name}.half")
            model.graph.initializer.remove(tensor)
            model.graph.initializer.append(half)
            casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())
