"""The core as an ONNX graph of one step, written operator by operator."""

# B batch, K observed values, A arguments, V values of an argument, P rows of programs, H hidden

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

from codling.bundle import StateRow
from codling.npi.train.net import Core
from codling.training.onnx_graph import Graph

__all__ = ["build_graph", "state_rows"]

_GATES = (0, 3, 1, 2)  # ONNX orders an LSTM's gates i, o, f, c; PyTorch i, f, c, o


def state_rows(core: Core) -> tuple[StateRow, ...]:
    """The card's description of the recurrent state."""
    names = (f"{part}{layer}" for layer in range(core.config.num_layers) for part in "hc")
    return tuple(StateRow(name=name, shape=(1, -1, core.config.hidden_size)) for name in names)


def build_graph(core: Core) -> bytes:
    """Serialise the core as float32.

    Inputs: ``program`` int64 [B], ``arguments`` int64 [B, A], ``observation`` int64 [B, K], ``state_in.NAME`` float
    [1, B, H]. Outputs: ``stop`` [B], the probability of returning; ``scores`` [B, P] of programs; ``argument_scores``
    [B, A, V]; ``state_out.NAME``.
    """
    graph, config = Graph(), core.config
    graph.input("program", TensorProto.INT64, ["B"])
    graph.input("arguments", TensorProto.INT64, ["B", "A"])
    graph.input("observation", TensorProto.INT64, ["B", "K"])
    for row in state_rows(core):
        graph.input(f"state_in.{row.name}", TensorProto.FLOAT, [1, "B", config.hidden_size])
    values = graph.node("Gather", [graph.constant("values", core.values.weight), "observation"])
    summed = graph.node("ReduceSum", [values, graph.ints(1)], keepdims=0)
    seen = graph.node("Relu", [graph.node("Add", [summed, graph.constant("encoder.first", core.encoder_bias)])])
    seen = graph.node("Relu", [_linear(graph, "encoder", core.encoder, seen)])
    program = graph.node("Gather", [graph.constant("programs", core.programs.weight), "program"])
    given = graph.node("Gather", [graph.constant("arguments.table", core.arguments.weight), "arguments"])
    given = graph.node("ReduceSum", [given, graph.ints(1)], keepdims=0)
    x = graph.node("Concat", [seen, graph.node("Add", [program, given])], axis=-1)
    x = graph.node("Unsqueeze", [x, graph.ints(0)])  # one step
    for layer in range(config.num_layers):
        weights = [
            graph.constant(f"lstm{layer}.{name}", _reorder(getattr(core.lstm, f"{name}_l{layer}"))[None])
            for name in ("weight_ih", "weight_hh")
        ]
        bias = np.concatenate([_reorder(getattr(core.lstm, f"{name}_l{layer}")) for name in ("bias_ih", "bias_hh")])
        inputs = [x, *weights, graph.constant(f"lstm{layer}.bias", bias[None]), ""]
        inputs += [f"state_in.h{layer}", f"state_in.c{layer}"]
        outputs = ["", f"state_out.h{layer}", f"state_out.c{layer}"]
        graph.nodes.append(helper.make_node("LSTM", inputs, outputs, hidden_size=config.hidden_size))
        x = outputs[1]
    hidden = graph.node("Squeeze", [x, graph.ints(0)])
    stop = graph.node("Squeeze", [_linear(graph, "stop_head", core.stop, hidden), graph.ints(1)])
    graph.nodes.append(helper.make_node("Sigmoid", [stop], ["stop"]))
    query = _linear(graph, "query", core.query, hidden)
    graph.nodes.append(helper.make_node("MatMul", [query, graph.constant("keys", core.keys.weight.T)], ["scores"]))
    flat = _linear(graph, "argument_heads", core.argument_heads, hidden)
    num_arguments = core.argument_heads.out_features // core.num_values
    shape = graph.ints(-1, num_arguments, core.num_values)
    graph.nodes.append(helper.make_node("Reshape", [flat, shape], ["argument_scores"]))
    graph.output("stop", ["B"])
    graph.output("scores", ["B", core.keys.num_embeddings])
    graph.output("argument_scores", ["B", num_arguments, core.num_values])
    for row in state_rows(core):
        graph.output(f"state_out.{row.name}", [1, "B", config.hidden_size])
    return graph.serialise()


def _linear(graph: Graph, name: str, layer: Any, x: str) -> str:
    product = graph.node("MatMul", [x, graph.constant(f"{name}.weight", layer.weight.T)])
    return graph.node("Add", [product, graph.constant(f"{name}.bias", layer.bias)])


def _reorder(weight: Any) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = weight.detach().float().cpu().numpy()
    size = len(array) // len(_GATES)
    return np.concatenate([array[gate * size : (gate + 1) * size] for gate in _GATES])
