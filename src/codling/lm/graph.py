"""The ONNX graph of a recurrent language model, written operator by operator from its weights.

The graph takes ``tokens`` int64 [B, T] and ``state_in.NAME``, and gives ``log_probs`` float32 [B, T, V] and
``state_out.NAME``; it is the same for one token and for a whole file. ONNX orders an LSTM's gates i, o, f, c and a
GRU's z, r, h, where PyTorch has i, f, c, o and r, z, n; they are re-ordered here.
"""

# B batch, T time, V vocabulary, H hidden

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from codling.bundle import StateRow
from codling.lm.lookup_graph import Lookups
from codling.lm.nets import RecurrentLM
from codling.lm.pointer_graph import write_pointer
from codling.training.onnx_graph import Graph
from codling.training.onnx_int8 import products_to_int8

__all__ = ["GATES", "build_graph", "quantise", "state_rows"]

GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
"Where each of ONNX's gates stands among PyTorch's."


def state_rows(model: RecurrentLM) -> tuple[StateRow, ...]:
    """The card's description of the graph's states."""
    sizes = model.state_sizes
    sizes.pop("document", None)  # a graph reads one document per state
    return tuple(StateRow(name=name, shape=(1, -1, size)) for name, size in sizes.items())


def build_graph(model: RecurrentLM) -> bytes:
    """Serialise the model as a float32 ONNX graph."""
    graph = Graph()
    config = model.config
    graph.input("tokens", TensorProto.INT64, ["B", "T"])
    for row in state_rows(model):
        graph.input(f"state_in.{row.name}", TensorProto.FLOAT, [1, "B", row.shape[2]])
    tokens = graph.node("Transpose", ["tokens"], perm=[1, 0])  # ONNX's recurrent operators are time-major
    embedding = graph.constant("embedding", model.embedding.weight)
    x = graph.node("Gather", [embedding, tokens])
    if config.tied:
        x = graph.node("Mul", [x, graph.constant("embedding.input_scale", np.float32(model.input_scale))])
    inputs, matched = _look_ups(graph, model)
    if inputs:
        x = graph.node("Concat", [x, *inputs], axis=-1)
    for index, layer in enumerate(model.layers):
        weights = [
            graph.constant(f"layer{index}.{name}", _reorder(getattr(layer, f"{name}_l0"), config.cell)[None])
            for name in ("weight_ih", "weight_hh")
        ]
        biases = [_reorder(getattr(layer, f"{name}_l0"), config.cell) for name in ("bias_ih", "bias_hh")]
        inputs = [x, *weights, graph.constant(f"layer{index}.bias", np.concatenate(biases)[None]), ""]
        inputs.append(f"state_in.h{index}")
        outputs = [graph.name(), f"state_out.h{index}"]
        if config.cell == "lstm":
            inputs.append(f"state_in.c{index}")
            outputs.append(f"state_out.c{index}")
        extra: dict[str, Any] = {"linear_before_reset": 1} if config.cell == "gru" else {}
        graph.nodes.append(
            helper.make_node(config.cell.upper(), inputs, outputs, hidden_size=config.hidden_size, **extra)
        )
        x = graph.node("Squeeze", [outputs[0], graph.ints(1)])
    if config.tied:
        logits = _tied_logits(graph, model, x, matched)
    else:
        wide = graph.node("Concat", [x, *matched], axis=-1) if matched else x
        wide = graph.node("Transpose", [wide], perm=[1, 0, 2])  # here, where it is narrower than the vocabulary
        logits = graph.node("MatMul", [wide, graph.constant("output.weight", model.output.weight.T)])
        logits = graph.node("Add", [logits, graph.constant("output.bias", model.output.bias)])
    if config.tied and model.pointer is not None:
        write_pointer(graph, model, x, graph.node("LogSoftmax", [logits], axis=-1), "log_probs")
    else:
        graph.nodes.append(helper.make_node("LogSoftmax", [logits], ["log_probs"], axis=-1))
    graph.output("log_probs", ["B", "T", model.embedding.num_embeddings])
    for row in state_rows(model):
        graph.output(f"state_out.{row.name}", [1, "B", row.shape[2]])
    return graph.serialise()


def _look_ups(graph: Graph, model: RecurrentLM) -> tuple[list[str], list[str]]:
    """What look-ups add to the first layer's input, and what of it the softmax sees: vectors of matches, [T, B, M]
    each, or one tensor of their embeddings, [T, B, O, E], where those are tied."""
    if not model.past:
        return [], []
    lookups = Lookups(graph, model)
    ngrams = lookups.ngrams()
    if not model.config.tied or not model.config.match_orders:
        matches = lookups.matches()
        lookups.write_recent()
        return ngrams + matches, matches
    embeddings = lookups.matched_embeddings()
    lookups.write_recent()
    inputs = []
    for order, reader in enumerate(model.matches):
        index = graph.scalar(order)
        vector = graph.node("Gather", [embeddings, index], axis=2)
        weight = graph.constant(f"matches{order}.small", reader.get_parameter("weight").T * model.input_scale)
        inputs.append(graph.node("MatMul", [vector, weight]))
    return ngrams + inputs, [embeddings]


def _tied_logits(graph: Graph, model: RecurrentLM, x: str, matched: list[str]) -> str:
    """Logits by way of the embeddings, with matches copied in by their gates, [B, T, V]."""
    out = graph.node("MatMul", [x, graph.constant("projection", model.projection.weight.T)])
    if model.gates is not None:
        gates = graph.node("MatMul", [x, graph.constant("gates.small", model.gates.weight.T)])
        gates = graph.node("Add", [gates, graph.constant("gates.bias", model.gates.bias)])
        gates = graph.node("Unsqueeze", [gates, graph.ints(3)])
        copied = graph.node("Mul", [matched[0], gates])
        copied = graph.node("ReduceSum", [copied, graph.ints(2)], keepdims=0)
        out = graph.node("Add", [out, copied])
    out = graph.node("Transpose", [out], perm=[1, 0, 2])  # here, where it is narrower than the vocabulary
    across = graph.node("Transpose", ["embedding"], perm=[1, 0])
    logits = graph.node("MatMul", [out, across])
    return graph.node("Add", [logits, graph.constant("output.bias", model.output_bias)])


def quantise(graph: bytes) -> bytes:
    """Matrix products and LSTM cells to int8: weights with a scale per output channel, activations as they come.

    Embedding tables go to int8 too, a scale per row. Vanilla RNN and GRU cells stay float32: ONNX Runtime has no int8
    operator for them.
    """
    whole = onnx.load_from_string(graph)
    integers = {tensor.name for tensor in whole.graph.initializer if tensor.data_type == TensorProto.INT64}
    kept = [
        node.name
        for node in whole.graph.node
        if node.op_type == "MatMul" and (integers.intersection(node.input) or node.input[1].endswith(".small"))
    ]
    model = products_to_int8(graph, kept=kept)
    _quantise_tables(model)
    return bytes(model.SerializeToString())


def _reorder(weight: Any, cell: str) -> npt.NDArray[np.float32]:
    """A cell's weight or bias with its gates in ONNX's order."""
    array: npt.NDArray[np.float32] = weight.detach().float().cpu().numpy()
    gates = GATES[cell]
    size = len(array) // len(gates)
    return np.concatenate([array[gate * size : (gate + 1) * size] for gate in gates])


def _quantise_tables(model: onnx.ModelProto) -> None:
    """Bring embedding tables to int8 with a scale per row, and rewrite what reads them."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    tables = {name for name in constants if re.fullmatch(r"embedding|ngrams|matches\d+", name)}
    for table in sorted(tables):
        array = numpy_helper.to_array(constants[table])
        scale = np.maximum(np.abs(array).max(axis=1, keepdims=True), 1e-8).astype(np.float32) / 127
        model.graph.initializer.remove(constants[table])
        model.graph.initializer.extend(
            [
                numpy_helper.from_array(np.round(array / scale).astype(np.int8), f"{table}.int8"),
                numpy_helper.from_array(scale, f"{table}.scale"),
            ]
        )
    nodes = list(model.graph.node)
    across = {node.output[0] for node in nodes if node.op_type == "Transpose" and node.input[0] in tables}
    rebuilt: list[onnx.NodeProto] = []
    for node in nodes:
        if node.op_type == "Gather" and node.input[0] in tables:
            rebuilt += _gather_int8(node)
        elif node.op_type == "MatMul" and node.input[1] in across:
            rebuilt += _multiply_int8(node)
        elif node.op_type == "Transpose" and node.input[0] in tables:
            node.input[0] = f"{node.input[0]}.int8"
            rebuilt.append(node)
        else:
            rebuilt.append(node)
    del model.graph.node[:]
    del model.graph.value_info[:]  # a transposed table has another type now
    model.graph.node.extend(rebuilt)


def _gather_int8(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """An embedding look-up: gather the row and its scale, multiply."""
    (table, index), name = node.input, node.output[0]
    return [
        helper.make_node("Gather", [f"{table}.int8", index], [f"{name}.int8"]),
        helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [f"{table}.scale", index], [f"{name}.scale"]),
        helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]),
    ]


def _multiply_int8(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The product with the embedding table that a softmax shares; ONNX Runtime fuses these nodes into one kernel."""
    (x, across), name = node.input, node.output[0]
    quantised = [f"{name}.x", f"{name}.x_scale", f"{name}.x_zero"]
    return [
        helper.make_node("DynamicQuantizeLinear", [x], quantised),
        helper.make_node("MatMulInteger", [quantised[0], across, quantised[2]], [f"{name}.int32"]),
        helper.make_node("Cast", [f"{name}.int32"], [f"{name}.float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["embedding.scale"], [f"{name}.scale"], perm=[1, 0]),
        helper.make_node("Mul", [quantised[1], f"{name}.scale"], [f"{name}.scales"]),
        helper.make_node("Mul", [f"{name}.float", f"{name}.scales"], [name]),
    ]
