"""The ONNX graph of a recurrent language model, written operator by operator from its weights.

The graph takes ``tokens`` int64 [B, T] and ``state_in.NAME``, and gives ``log_probs`` float32 [B, T, V] and
``state_out.NAME``; it is the same for one token and for a whole file. ONNX orders an LSTM's gates i, o, f, c and a
GRU's z, r, h, where PyTorch has i, f, c, o and r, z, n; they are re-ordered here.
"""

# B batch, T time, V vocabulary, H hidden

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from codling.bundle import StateRow
from codling.lm.nets import HASH_MULTIPLIER, RecurrentLM

__all__ = ["build_graph", "quantise", "state_rows"]

_OPSET = 17
"Old enough for every ONNX Runtime that we support; new enough for all operators that we use."

_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
"Where each of ONNX's gates stands among PyTorch's."


def state_rows(model: RecurrentLM) -> tuple[StateRow, ...]:
    """The card's description of the graph's states."""
    state = model.initial_state(1)
    return tuple(StateRow(name=name, shape=(1, -1, state[name].shape[2])) for name in model.state_names)


def build_graph(model: RecurrentLM) -> bytes:
    """Serialise the model as a float32 ONNX graph."""
    graph = _Graph()
    config = model.config
    graph.input("tokens", TensorProto.INT64, ["B", "T"])
    for row in state_rows(model):
        graph.input(f"state_in.{row.name}", TensorProto.FLOAT, [1, "B", row.shape[2]])
    tokens = graph.node("Transpose", ["tokens"], perm=[1, 0])  # ONNX's recurrent operators are time-major
    x = graph.node("Gather", [graph.constant("embedding", model.embedding.weight), tokens])
    if model.ngrams is not None:
        x = _add_ngrams(graph, model, x)
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
        extra = {"linear_before_reset": 1} if config.cell == "gru" else {}
        graph.nodes.append(
            helper.make_node(config.cell.upper(), inputs, outputs, hidden_size=config.hidden_size, **extra)
        )
        x = graph.node("Squeeze", [outputs[0], graph.constant("directions", np.array([1]))])
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

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(graph)
        quantize_dynamic(
            before,
            after,
            op_types_to_quantize=["MatMul", "LSTM"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        model = onnx.load(after)
    _quantise_tables(model)
    return bytes(model.SerializeToString())


class _Graph:
    """Collects the nodes and constants of a graph."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._count = 0

    def name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def input(self, name: str, kind: int, shape: list[int | str]) -> None:
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))

    def output(self, name: str, shape: list[int | str]) -> None:
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def constant(self, name: str, value: Any) -> str:
        if name not in self._constants:
            array = value.detach().float().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        output = self.name()
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def serialise(self) -> bytes:
        graph = helper.make_graph(self.nodes, "lm", self._inputs, self._outputs, list(self._constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="codling")
        model.ir_version = 9  # ONNX Runtime 1.17 and later
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def _reorder(weight: Any, cell: str) -> npt.NDArray[np.float32]:
    """A cell's weight or bias with its gates in ONNX's order."""
    array: npt.NDArray[np.float32] = weight.detach().float().cpu().numpy()
    gates = _GATES[cell]
    size = len(array) // len(gates)
    return np.concatenate([array[gate * size : (gate + 1) * size] for gate in gates])


def _add_ngrams(graph: _Graph, model: RecurrentLM, x: str) -> str:
    """hash_ngrams in ONNX: look the last tokens up as n-grams and put their vectors beside the token's."""
    assert model.ngrams is not None
    orders, buckets = model.config.ngram_orders, model.config.ngram_buckets
    past = max(orders) - 1

    def number(name: str, value: int) -> str:
        return graph.constant(name, np.array(value, np.int64))

    def vector(value: int) -> str:
        return graph.constant(f"at{value}", np.array([value], np.int64))

    squeezed = graph.node("Squeeze", ["state_in.recent", vector(0)])
    recent = graph.node("Cast", [squeezed], to=TensorProto.INT64)
    extended = graph.node("Concat", [recent, "tokens"], axis=1)
    hashed = ""
    rows = []
    for back in range(max(orders)):
        # From past - back to back before the end: T tokens, each shifted by `back`.
        end = vector(np.iinfo(np.int64).max if back == 0 else -back)
        token = graph.node("Slice", [extended, vector(past - back), end, vector(1)])
        token = graph.node("Add", [token, number("one", 1)])
        if hashed:
            token = graph.node("Add", [token, graph.node("Mul", [hashed, number("multiplier", HASH_MULTIPLIER)])])
        hashed = graph.node("Mod", [token, number("buckets", buckets)])
        if back + 1 in orders:
            row = graph.node("Mul", [hashed, number("multiplier", HASH_MULTIPLIER)])
            row = graph.node("Add", [row, number(f"back{back}", back)])
            rows.append(graph.node("Transpose", [graph.node("Mod", [row, number("buckets", buckets)])], perm=[1, 0]))
    table = graph.constant("ngrams", model.ngrams.weight)
    vectors = [graph.node("Gather", [table, row]) for row in rows]
    last = graph.node("Slice", [extended, vector(-past), vector(np.iinfo(np.int64).max), vector(1)])
    cast = graph.node("Cast", [last], to=TensorProto.FLOAT)
    graph.nodes.append(helper.make_node("Unsqueeze", [cast, vector(0)], ["state_out.recent"]))
    return graph.node("Concat", [x, *vectors], axis=-1)


def _quantise_tables(model: onnx.ModelProto) -> None:
    """Replace each embedding look-up by one in int8 with a scale per row: gather both, multiply."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = list(model.graph.node)
    done: set[str] = set()
    rebuilt: list[onnx.NodeProto] = []
    for node in nodes:
        if node.op_type != "Gather" or node.input[0] not in ("embedding", "ngrams"):
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
