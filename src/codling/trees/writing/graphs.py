"""The ONNX graphs of a writer, operator by operator: texts into vectors, a description into its memory, one step of
several programs at once, and the texts that a step may write.

What a search runs at every step has its products in int8; tables, and what runs once for a description, are stored in
half precision and computed with in single precision (ONNX Runtime widens them once, on loading).
"""

# B programs, N words, U texts, P pieces of a text, E embedding, H hidden, M memory, R rules, V wholes, S steps

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper
from torch import nn

from codling.training.onnx_graph import Graph
from codling.training.onnx_int8 import products_to_int8
from codling.trees.writing.batches import NUM_NEAR, REACH
from codling.trees.writing.graph_layers import halved, linear, lstm, text_vectors
from codling.trees.writing.network import ATTEND_FIRST, ATTEND_SECOND, COPY_PART, COPY_WHOLE, WriterNet

__all__ = ["build_graphs"]

_NEVER = -1e9  # a logit that no step takes


def build_graphs(net: WriterNet) -> dict[str, bytes]:
    """The graphs of a network by their file's name."""
    once = {"embed": _embed(net), "encode": _encode(net)}
    stepwise = {"step": _step(net), "texts": _texts(net)}
    models = {name: onnx.load_from_string(graph.serialise()) for name, graph in once.items()}
    models |= {name: products_to_int8(graph.serialise()) for name, graph in stepwise.items()}
    return {f"{name}.onnx": halved(model, ".table" if name in stepwise else "") for name, model in models.items()}


def _embed(net: WriterNet) -> Graph:
    """``words`` int64 [U] and ``pieces`` int64 [U, P] (0 is padding) to ``vectors`` [U, E]."""
    graph = Graph()
    parts = text_vectors(graph, net)
    graph.nodes.append(helper.make_node("Add", parts, ["vectors"]))
    graph.output("vectors", ["U", net.config.embedding])
    return graph


def _encode(net: WriterNet) -> Graph:
    """``vectors`` [N, E] and ``kinds`` int64 [N] to ``memory`` [N, M] and ``start`` [1, 2H]."""
    graph = Graph()
    graph.input("vectors", TensorProto.FLOAT, ["N", net.config.embedding])
    graph.input("kinds", TensorProto.INT64, ["N"])
    kinds = graph.node("Gather", [graph.constant("kinds.table", net.kinds.weight), "kinds"])
    x = graph.node("Unsqueeze", [graph.node("Add", ["vectors", kinds]), graph.ints(1)])  # [N, 1, E]
    read, ends, _ = lstm(graph, "encoder", [net.forwards, net.backwards], x, [])
    hidden = net.config.encoder
    shape = graph.ints(-1, 2 * hidden)  # [N, 2, 1, h] lies as [N, M]
    graph.nodes.append(helper.make_node("Reshape", [read, shape], ["memory"]))
    ends = graph.node("Reshape", [ends, graph.ints(1, 2 * hidden)])
    graph.nodes.append(helper.make_node("Tanh", [linear(graph, "start", net.start, ends)], ["start"]))
    graph.output("memory", ["N", 2 * hidden])
    graph.output("start", [1, 2 * net.config.hidden])
    return graph


_STEP_INPUTS = ("action", "field", "parent_action", "filled", "mask", "place")


def _step(net: WriterNet) -> Graph:
    """One step of B programs of the same description.

    Inputs: int64 [B] each of ``action``, ``field``, ``parent_action``, ``filled``, ``mask`` (row of the masks, 0 where
    a text is due) and ``place``; ``text`` [B, E], the vector of the text that was written, zeros for none; ``parent``
    [B, H], the first state at the step that opened the slot, zeros at the root; ``memory`` [N, M]; states ``h0``,
    ``c0``, ``h1``, ``c1`` [B, H].

    Outputs: the states after the step, ``new_h0`` and so on; ``state`` [B, H]; ``rules`` [B, R], log-probabilities of
    the end of a list and the productions; ``seen`` [B, N], how much of the second attention each word has.
    """
    graph, hidden = Graph(), net.config.hidden
    for name in _STEP_INPUTS:
        graph.input(name, TensorProto.INT64, ["B"])
    graph.input("text", TensorProto.FLOAT, ["B", net.config.embedding])
    graph.input("parent", TensorProto.FLOAT, ["B", hidden])
    graph.input("memory", TensorProto.FLOAT, ["N", 2 * net.config.encoder])
    for name in ("h0", "c0", "h1", "c1"):
        graph.input(name, TensorProto.FLOAT, ["B", hidden])
    actions = graph.constant("actions.table", net.actions.weight)
    before = graph.node("Add", [graph.node("Gather", [actions, "action"]), "text"])
    above = graph.node("Gather", [actions, "parent_action"])
    place = graph.node(
        "Add",
        [
            graph.node("Gather", [graph.constant("fields.table", net.fields.weight), "field"]),
            graph.node("Gather", [graph.constant("filled.table", net.filled.weight), "filled"]),
        ],
    )
    x = graph.node("Concat", [before, above, place], axis=1)
    first = _lstm_step(graph, "first", net.first, x, "h0", "c0")
    near = _near(graph, net)
    seen, _ = _attend(graph, "attend_first", net.attend_first, first, near, ATTEND_FIRST)
    x = graph.node("Concat", [first, seen, "parent"], axis=1)
    second = _lstm_step(graph, "second", net.second, x, "h1", "c1")
    seen, weights = _attend(graph, "attend_second", net.attend_second, second, near, ATTEND_SECOND)
    graph.nodes.append(helper.make_node("Identity", [weights], ["seen"]))
    out = linear(graph, "out", net.out, graph.node("Concat", [second, seen], axis=1))
    graph.nodes.append(helper.make_node("Tanh", [out], ["state"]))
    masks = net.masks.cpu().numpy()
    bias = np.where(masks, np.float32(0), np.float32(_NEVER)).astype(np.float32)
    allowed = graph.node("Gather", [graph.constant("masks.exact", bias), "mask"])
    logits = graph.node("Add", [linear(graph, "rules", net.rules, "state"), allowed])
    graph.nodes.append(helper.make_node("LogSoftmax", [logits], ["rules"], axis=1))
    for name in ("h0", "c0", "h1", "c1"):
        graph.output(f"new_{name}", ["B", hidden])
    graph.output("state", ["B", hidden])
    graph.output("rules", ["B", masks.shape[1]])
    graph.output("seen", ["B", "N"])
    return graph


def _texts(net: WriterNet) -> Graph:
    """``state`` [S, H], ``place`` int64 [S], ``spelling`` bool [S] (inside a token) and ``memory`` [N, M] to
    ``log_probs`` [S, V + P + 1 + 2N]: whole texts, pieces and the end of one, words as wholes, and as parts."""
    graph = Graph()
    graph.input("state", TensorProto.FLOAT, ["S", net.config.hidden])
    graph.input("place", TensorProto.INT64, ["S"])
    graph.input("spelling", TensorProto.BOOL, ["S"])
    graph.input("memory", TensorProto.FLOAT, ["N", 2 * net.config.encoder])
    near = _near(graph, net)
    inside = graph.node("Unsqueeze", ["spelling", graph.ints(1)])
    never = graph.constant("never", np.float32(_NEVER))
    whole = _scores(graph, "copy_whole", net.copy_whole, "state", near, COPY_WHOLE)
    part = _scores(graph, "copy_part", net.copy_part, "state", near, COPY_PART)
    wholes = linear(graph, "wholes", net.wholes, "state")
    parts = [
        graph.node("Where", [inside, never, wholes]),
        linear(graph, "spell", net.spell, "state"),
        graph.node("Where", [inside, never, whole]),
        part,
    ]
    logits = graph.node("Concat", parts, axis=1)
    graph.nodes.append(helper.make_node("LogSoftmax", [logits], ["log_probs"], axis=1))
    graph.output("log_probs", ["S", "K"])
    return graph


def _near(graph: Graph, net: WriterNet) -> str:
    """How each word leans, [B, N, 4], by its distance from the last one used."""
    num_words = graph.node("Gather", [graph.node("Shape", ["memory"]), graph.scalar(0)])
    words = graph.node("Range", [graph.scalar(0), num_words, graph.scalar(1)])
    place = graph.node("Unsqueeze", ["place", graph.ints(1)])
    distance = graph.node("Sub", [words, place])
    low, high = graph.constant("near.low", np.int64(-REACH)), graph.scalar(REACH)
    index = graph.node("Add", [graph.node("Min", [graph.node("Max", [distance, low]), high]), high])
    none = graph.node("Less", [place, graph.scalar(0)])
    index = graph.node("Where", [none, graph.scalar(NUM_NEAR - 1), index])
    return graph.node("Gather", [graph.constant("near.exact", net.near), index])


def _scores(graph: Graph, name: str, layer: nn.Linear, states: str, near: str, column: int) -> str:
    """How well each word fits each state, [B, N]."""
    query = linear(graph, name, layer, states)
    fits = graph.node("MatMul", [query, graph.node("Transpose", ["memory"], perm=[1, 0])])
    return graph.node("Add", [fits, graph.node("Gather", [near, graph.scalar(column)], axis=2)])


def _attend(graph: Graph, name: str, layer: nn.Linear, states: str, near: str, column: int) -> tuple[str, str]:
    weights = graph.node("Softmax", [_scores(graph, name, layer, states, near, column)], axis=1)
    return graph.node("MatMul", [weights, "memory"]), weights


def _lstm_step(graph: Graph, name: str, layer: nn.LSTM, x: str, h: str, c: str) -> str:
    """One step of a layer, [B, H]; its states become the graph's outputs."""
    axis = graph.ints(0)
    x, before_h, before_c = (graph.node("Unsqueeze", [each, axis]) for each in (x, h, c))
    _, *after = lstm(graph, name, [layer], x, ["", before_h, before_c])
    for output, state in zip(after, (h, c), strict=True):
        graph.nodes.append(helper.make_node("Squeeze", [output, axis], [f"new_{state}"]))
    return f"new_{h}"
