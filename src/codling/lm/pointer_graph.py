"""codling.lm.pointer in ONNX, operator by operator, for one token or a window."""

# B batch, T time, W window, S = W + T, D key width, V vocabulary

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto, helper

from codling.lm.nets import RecurrentLM
from codling.lm.pointer import LEAST, NEVER
from codling.training.onnx_graph import END, Graph

__all__ = ["write_pointer"]


def write_pointer(graph: Graph, model: RecurrentLM, x: str, log_probs: str, output: str) -> None:
    """Mix a softmax with what a model's pointer copies, and write the pointer's states.

    Where the network tells documents of a stream apart, the graph reads one document per state.

    Args:
        x: what the network knows after each token, float [T, B, H].
        log_probs: of the softmax, float [B, T, V].
        output: name for the log-probabilities of the mixture, float [B, T, V].
    """
    pointer = model.pointer
    assert pointer is not None
    size, window = pointer.size, pointer.window
    heads = graph.node("MatMul", [x, graph.constant("pointer.small", pointer.heads.weight.T)])
    heads = graph.node("Add", [heads, graph.constant("pointer.bias", pointer.heads.bias)])
    heads = graph.node("Transpose", [heads], perm=[1, 0, 2])
    query, key, gate = (
        graph.node("Slice", [heads, graph.ints(start), graph.ints(end), graph.ints(2)])
        for start, end in ((0, size), (size, 2 * size), (2 * size, 2 * size + 1))
    )
    last = graph.node("Transpose", ["state_in.pointer_last"], perm=[1, 0, 2])
    arrived = graph.node("Slice", [key, graph.ints(0), graph.ints(-1), graph.ints(1)])
    arrived = graph.node("Concat", [last, arrived], axis=1)
    tokens = graph.node("Squeeze", ["state_in.pointer_tokens", graph.ints(0)])
    tokens = graph.node("Concat", [graph.node("Cast", [tokens], to=TensorProto.INT64), "tokens"], axis=1)

    # Keys that the state has and those that come are asked apart: to join them would copy all of the state.
    before = graph.node("Reshape", ["state_in.pointer_keys", graph.ints(-1, window, size)])
    scores = [
        graph.node("MatMul", [query, graph.node("Transpose", [keys], perm=[0, 2, 1])]) for keys in (before, arrived)
    ]
    scale = graph.constant("pointer.scale", np.float32(1 / math.sqrt(size)))
    score = graph.node("Mul", [graph.node("Concat", scores, axis=-1), scale])
    seen = _seen(graph, tokens, window)
    never = graph.constant("pointer.never", np.float32(NEVER))
    weights = graph.node("Softmax", [graph.node("Where", [seen, score, never])], axis=-1)
    seen_float = graph.node("Cast", [seen], to=TensorProto.FLOAT)
    weights = graph.node("Mul", [weights, seen_float])
    any_seen = graph.node("ReduceMax", [seen_float], axes=[-1], keepdims=1)
    gate = graph.node("Where", [graph.node("Cast", [any_seen], to=TensorProto.BOOL), gate, never])
    _mix(graph, tokens, weights, gate, log_probs, output)

    arrived = graph.node("Unsqueeze", [graph.node("Reshape", [arrived, graph.ints(0, -1)]), graph.ints(0)])
    kept = graph.node("Concat", ["state_in.pointer_keys", arrived], axis=2)
    _write(graph, "Slice", [kept, graph.ints(-window * size), graph.ints(END), graph.ints(2)], "pointer_keys")
    kept = graph.node("Slice", [tokens, graph.ints(-window), graph.ints(END), graph.ints(1)])
    kept = graph.node("Cast", [kept], to=TensorProto.FLOAT)
    _write(graph, "Unsqueeze", [kept, graph.ints(0)], "pointer_tokens")
    newest = graph.node("Slice", [key, graph.ints(-1), graph.ints(END), graph.ints(1)])
    graph.nodes.append(helper.make_node("Transpose", [newest], ["state_out.pointer_last"], perm=[1, 0, 2]))


def _mix(graph: Graph, tokens: str, weights: str, gate: str, log_probs: str, output: str) -> None:
    """Logarithm of (1 - g) softmax + g copied, g the gate's sigmoid; exponentials are taken of copied tokens only."""
    own = graph.node("Sub", [log_probs, graph.node("Softplus", [gate])])
    own = graph.node("Max", [own, graph.constant("pointer.least", np.float32(math.log(LEAST)))])
    nothing = graph.node("Expand", [graph.constant("float.0", np.float32(0)), graph.node("Shape", [log_probs])])
    index = graph.node("Unsqueeze", [tokens, graph.ints(1)])
    index = graph.node("Expand", [index, graph.node("Shape", [weights])])
    copied = graph.node("ScatterElements", [nothing, index, weights], axis=2, reduction="add")
    copied = graph.node("GatherElements", [copied, index], axis=2)  # a token has what all its places have together
    copied = graph.node("Mul", [copied, graph.node("Sigmoid", [gate])])
    mixed = graph.node("Add", [graph.node("Exp", [graph.node("GatherElements", [own, index], axis=2)]), copied])
    mixed = graph.node("Log", [mixed])
    graph.nodes.append(helper.make_node("ScatterElements", [own, index, mixed], [output], axis=2))


def _seen(graph: Graph, tokens: str, window: int) -> str:
    """Which past positions a position sees, bool [B, T, S]."""
    time = graph.node("Gather", [graph.node("Shape", ["tokens"]), graph.scalar(1)])
    total = graph.node("Add", [time, graph.scalar(window)])
    place_S = graph.node("Range", [graph.scalar(0), total, graph.scalar(1)])
    place_T = graph.node("Range", [graph.scalar(window), total, graph.scalar(1)])
    place_T = graph.node("Unsqueeze", [place_T, graph.ints(1)])
    ahead = graph.node("LessOrEqual", [place_S, place_T])
    near = graph.node("Greater", [place_S, graph.node("Sub", [place_T, graph.scalar(window)])])
    real = graph.node("Unsqueeze", [graph.node("Greater", [tokens, graph.scalar(0)]), graph.ints(1)])
    return graph.node("And", [graph.node("And", [ahead, near]), real])


def _write(graph: Graph, operator: str, inputs: list[str], state: str) -> None:
    graph.nodes.append(helper.make_node(operator, inputs, [f"state_out.{state}"]))
