"""The ONNX graph that says how likely a description is, given each of several programs. Its products are in int8."""

# B programs, A actions, T words said (the end is one), U texts, E embedding, H hidden, M memory, V words known

from __future__ import annotations

import hashlib
import json

import numpy as np
from onnx import TensorProto, helper
from torch import nn

from codling.training.onnx_graph import Graph
from codling.training.onnx_int8 import products_to_int8
from codling.trees.writing.graph_layers import halved, linear, lstm, text_vectors
from codling.trees.writing.reconstruction import GRAPH, TABLES, UNKNOWN, Tables
from codling.trees.writing.reconstruction_net import Reconstruction

__all__ = ["build_reconstruction"]

_NEVER = -1e9


def build_reconstruction(net: Reconstruction) -> dict[str, bytes]:
    """The files that a bundle has of a network, by name: its graph, and the tables that belong to it.

    Inputs of the graph: ``words`` int64 [U] and ``pieces`` int64 [U, P] of the texts, which are then counted from 1, as
    0 is no text; ``actions`` and ``texts`` int64 [B, A], ``num_actions`` int32 [B]; of the description, which all
    share, ``before`` (text), ``kinds`` and ``said`` int64 [T]; ``copies`` bool [B, T, A]. Output: ``nats`` [B, T].
    """
    graph, hidden, memory_width = Graph(), net.config.hidden, 2 * net.config.encoder
    table = graph.node("Add", text_vectors(graph, net))
    none = graph.constant("none", np.zeros((1, net.config.embedding), np.float32))
    table = graph.node("Concat", [none, table], axis=0)
    for name in ("actions", "texts"):
        graph.input(name, TensorProto.INT64, ["B", "A"])
    graph.input("num_actions", TensorProto.INT32, ["B"])
    for name in ("before", "kinds", "said"):
        graph.input(name, TensorProto.INT64, ["T"])
    graph.input("copies", TensorProto.BOOL, ["B", "T", "A"])

    actions = graph.node("Gather", [graph.constant("actions.table", net.actions.weight), "actions"])
    x = graph.node("Add", [actions, graph.node("Gather", [table, "texts"])])  # [B, A, E]
    x = graph.node("Transpose", [x], perm=[1, 0, 2])
    read, ends, _ = lstm(graph, "program", [net.forwards, net.backwards], x, ["num_actions"])  # [A, 2, B, h], [2, B, h]
    memory = graph.node("Transpose", [read], perm=[2, 0, 1, 3])
    memory = graph.node("Reshape", [memory, graph.ints(0, 0, memory_width)])  # [B, A, M]
    turned = graph.node("Transpose", [memory], perm=[0, 2, 1])
    ends = graph.node("Reshape", [graph.node("Transpose", [ends], perm=[1, 0, 2]), graph.ints(-1, memory_width)])
    start = graph.node("Tanh", [linear(graph, "start", net.start, ends)])
    h0, h1 = (_part(graph, start, at, at + hidden) for at in (0, hidden))
    outside = _outside(graph)

    words = graph.node("Gather", [table, "before"])
    words = graph.node("Add", [words, graph.node("Gather", [graph.constant("kinds.table", net.kinds.weight), "kinds"])])
    num_programs = graph.node("Shape", ["actions"], start=0, end=1)
    shape = graph.node("Concat", [graph.ints(1), num_programs, graph.ints(1)], axis=0)
    words = graph.node("Expand", [graph.node("Unsqueeze", [words, graph.ints(1)]), shape])  # [T, B, E]
    zeros = graph.node("Mul", [h0, graph.constant("zero", np.float32(0))])
    first, *_ = lstm(graph, "first", [net.first], words, ["", h0, zeros])
    first = _batch_first(graph, first)  # [B, T, H]

    def seen(name: str, layer: nn.Linear, states: str) -> str:
        query = linear(graph, name, layer, states)
        weights = graph.node("Softmax", [graph.node("Add", [graph.node("MatMul", [query, turned]), outside])], axis=2)
        return graph.node("MatMul", [weights, memory])

    x = graph.node("Concat", [first, seen("attend_first", net.attend_first, first)], axis=2)
    second, *_ = lstm(graph, "second", [net.second], graph.node("Transpose", [x], perm=[1, 0, 2]), ["", h1, zeros])
    second = _batch_first(graph, second)
    out = linear(
        graph, "out", net.out, graph.node("Concat", [second, seen("attend_second", net.attend_second, second)], axis=2)
    )
    states = graph.node("Tanh", [out])
    copy = graph.node("MatMul", [linear(graph, "copy", net.copy, states), turned])  # [B, T, A]
    productions = graph.node("Unsqueeze", [graph.node("Equal", ["texts", graph.scalar(0)]), graph.ints(1)])
    never = graph.constant("never", np.float32(_NEVER))
    copy = graph.node("Where", [productions, never, copy])
    say = linear(graph, "say", net.say, states)  # [B, T, V]
    total = graph.node("ReduceLogSumExp", [graph.node("Concat", [say, copy], axis=2)], axes=[2], keepdims=0)
    right = graph.node("Where", ["copies", copy, never])
    right = graph.node("Concat", [_word(graph, say, never), right], axis=2)
    right = graph.node("ReduceLogSumExp", [right], axes=[2], keepdims=0)
    graph.nodes.append(helper.make_node("Sub", [total, right], ["nats"]))
    graph.output("nats", ["B", "T"])
    data = halved(products_to_int8(graph.serialise()), ".table")
    tables = Tables(net.tables.lexicon, net.tables.said, hashlib.sha256(data).hexdigest())
    return {GRAPH: data, TABLES: json.dumps(tables.to_json(), ensure_ascii=False).encode("utf-8")}


def _word(graph: Graph, say: str, never: str) -> str:
    """The logit of the word to say, [B, T, 1]; of one that is not known only where it cannot be copied."""
    count = graph.node("Shape", [say], start=0, end=1)
    index = graph.node("Unsqueeze", [graph.node("Unsqueeze", ["said", graph.ints(0)]), graph.ints(2)])
    shape = graph.node("Concat", [count, graph.ints(1, 1)], axis=0)
    logit = graph.node("GatherElements", [say, graph.node("Expand", [index, shape])], axis=2)
    copied = graph.node("Cast", ["copies"], to=TensorProto.FLOAT)
    copied = graph.node("ReduceMax", [copied], axes=[2], keepdims=1)
    copied = graph.node("Cast", [copied], to=TensorProto.BOOL)
    unknown = graph.node("Equal", [index, graph.scalar(UNKNOWN)])
    return graph.node("Where", [graph.node("And", [copied, unknown]), never, logit])


def _outside(graph: Graph) -> str:
    """What is added to how well each action fits: next to never for padding, [B, 1, A]."""
    num_actions = graph.node("Gather", [graph.node("Shape", ["actions"]), graph.scalar(1)])
    places = graph.node("Range", [graph.scalar(0), num_actions, graph.scalar(1)])
    lengths = graph.node("Unsqueeze", [graph.node("Cast", ["num_actions"], to=TensorProto.INT64), graph.ints(1)])
    outside = graph.node("Cast", [graph.node("GreaterOrEqual", [places, lengths])], to=TensorProto.FLOAT)
    weighed = graph.node("Mul", [outside, graph.constant("outside", np.float32(_NEVER))])
    return graph.node("Unsqueeze", [weighed, graph.ints(1)])


def _part(graph: Graph, x: str, start: int, end: int) -> str:
    """Some columns, [1, B, H]."""
    part = graph.node("Slice", [x, graph.ints(start), graph.ints(end), graph.ints(1)])
    return graph.node("Unsqueeze", [part, graph.ints(0)])


def _batch_first(graph: Graph, x: str) -> str:
    """[T, 1, B, H] to [B, T, H]."""
    return graph.node("Transpose", [graph.node("Squeeze", [x, graph.ints(1)])], perm=[1, 0, 2])
