"""The ONNX graph of a recurrent language model, written operator by operator from its weights.

The graph takes ``tokens`` int64 [B, T] and ``state_in.NAME``, and gives ``log_probs`` float32 [B, T, V] and
``state_out.NAME``; it is the same for one token and for a whole file. ONNX orders an LSTM's gates i, o, f, c and a
GRU's z, r, h, where PyTorch has i, f, c, o and r, z, n; they are re-ordered here.
"""

# B batch, T time, V vocabulary, H hidden

from __future__ import annotations

import logging
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from codling.bundle import StateRow
from codling.lm.lookup_graph import Lookups
from codling.lm.nets import RecurrentLM
from codling.lm.onnx_graph import Graph

__all__ = ["build_graph", "quantise", "state_rows"]

_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
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
    x = graph.node("Gather", [graph.constant("embedding", model.embedding.weight), tokens])
    matched: list[str] = []
    if model.past:
        lookups = Lookups(graph, model)
        ngrams, matched = lookups.ngrams(), lookups.matches()
        lookups.write_recent()
        x = graph.node("Concat", [x, *ngrams, *matched], axis=-1)
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
        x = graph.node("Squeeze", [outputs[0], graph.constant("directions", np.array([1]))])
    if matched:
        x = graph.node("Concat", [x, *matched], axis=-1)
    logits = graph.node("MatMul", [x, graph.constant("output.weight", model.output.weight.T)])
    logits = graph.node("Add", [logits, graph.constant("output.bias", model.output.bias)])
    log_probs = graph.node("LogSoftmax", [logits], axis=-1)
    graph.nodes.append(helper.make_node("Transpose", [log_probs], ["log_probs"], perm=[1, 0, 2]))
    graph.output("log_probs", ["B", "T", model.output.out_features])
    for row in state_rows(model):
        graph.output(f"state_out.{row.name}", [1, "B", row.shape[2]])
    return graph.serialise()


def quantise(graph: bytes) -> bytes:
    """Matrix products and LSTM cells to int8: weights with a scale per output channel, activations as they come.

    Embedding tables go to int8 too, a scale per row. Vanilla RNN and GRU cells stay float32: ONNX Runtime has no int8
    operator for them.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = onnx.load_from_string(graph)
    integers = {tensor.name for tensor in whole.graph.initializer if tensor.data_type == TensorProto.INT64}
    hashes = [node.name for node in whole.graph.node if node.op_type == "MatMul" and integers.intersection(node.input)]
    root = logging.getLogger()  # where ONNX Runtime advises preprocessing, which these graphs do not need
    level = root.level
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(graph)
        root.setLevel(logging.ERROR)
        try:
            quantize_dynamic(
                before,
                after,
                op_types_to_quantize=["MatMul", "LSTM"],
                per_channel=True,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=hashes,
                extra_options={"MatMulConstBOnly": True},
            )
        finally:
            root.setLevel(level)
        model = onnx.load(after)
    _quantise_tables(model)
    return bytes(model.SerializeToString())


def _reorder(weight: Any, cell: str) -> npt.NDArray[np.float32]:
    """A cell's weight or bias with its gates in ONNX's order."""
    array: npt.NDArray[np.float32] = weight.detach().float().cpu().numpy()
    gates = _GATES[cell]
    size = len(array) // len(gates)
    return np.concatenate([array[gate * size : (gate + 1) * size] for gate in gates])


def _quantise_tables(model: onnx.ModelProto) -> None:
    """Replace each embedding look-up by one in int8 with a scale per row: gather both, multiply."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = list(model.graph.node)
    done: set[str] = set()
    rebuilt: list[onnx.NodeProto] = []
    for node in nodes:
        if node.op_type != "Gather" or not re.fullmatch(r"embedding|ngrams|matches\d+", node.input[0]):
            rebuilt.append(node)
            continue
        table, index = node.input
        if table not in done:
            done.add(table)
            array = numpy_helper.to_array(constants[table])
            scale = np.maximum(np.abs(array).max(axis=1, keepdims=True), 1e-8).astype(np.float32) / 127
            model.graph.initializer.remove(constants[table])
            model.graph.initializer.append(
                numpy_helper.from_array(np.round(array / scale).astype(np.int8), f"{table}.int8")
            )
            model.graph.initializer.append(numpy_helper.from_array(scale, f"{table}.scale"))
        name = node.output[0]
        rebuilt += [
            helper.make_node("Gather", [f"{table}.int8", index], [f"{name}.int8"]),
            helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=TensorProto.FLOAT),
            helper.make_node("Gather", [f"{table}.scale", index], [f"{name}.scale"]),
            helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]),
        ]
    del model.graph.node[:]
    model.graph.node.extend(rebuilt)
