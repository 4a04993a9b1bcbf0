"""codling.lm.lookup in ONNX, operator by operator: the same integers, for one token or a window."""

# B batch, T time, P past tokens, O orders, S slots, V vocabulary

from __future__ import annotations

from functools import cached_property

import numpy as np
from onnx import TensorProto, helper

from codling.lm.lookup import DOCUMENT_WEIGHT, KEY_MODULUS, coefficients
from codling.lm.nets import RecurrentLM
from codling.training.onnx_graph import END, Graph

__all__ = ["Lookups"]


class Lookups:
    """Adds a model's look-ups to its graph: vectors of n-grams and matches, and the states behind them.

    Where the network counts the documents of a stream, the graph reads one document per state, the first.
    """

    def __init__(self, graph: Graph, model: RecurrentLM) -> None:
        self._graph = graph
        self._model = model
        self._config = model.config

    def ngrams(self) -> list[str]:
        """Vectors of the n-grams that end at each token, [T, B, N] each."""
        orders = self._config.ngram_orders
        if not orders:
            return []
        graph = self._graph
        rows_BTO = self._hash("ngrams", orders, list(orders), self._config.ngram_buckets)
        table = graph.constant("ngrams", self._model.ngrams.weight)  # type: ignore[union-attr]
        found = graph.node("Gather", [table, graph.node("Transpose", [rows_BTO], perm=[1, 0, 2])])  # [T, B, O, N]
        return [graph.node("Reshape", [found, graph.ints(0, 0, len(orders) * self._config.ngram_size)])]

    def matches(self) -> list[str]:
        """Vectors of what followed each context the last time, [T, B, M] each; writes the states of matches."""
        if not self._config.match_orders:
            return []
        followed = self._followed()
        return [self._vectors(followed, order) for order in range(len(self._config.match_orders))]

    def matched_embeddings(self) -> str:
        """As matches, but the embeddings of the tokens, zero where nothing followed, float [T, B, O, E]."""
        graph = self._graph
        ids = graph.node("Transpose", [self._followed()], perm=[2, 0, 1])
        table = graph.constant("embedding", self._model.embedding.weight)
        known = graph.node("Cast", [graph.node("Greater", [ids, graph.scalar(0)])], to=TensorProto.FLOAT)
        vectors = graph.node("Gather", [table, ids])
        return graph.node("Mul", [vectors, graph.node("Unsqueeze", [known, graph.ints(3)])])

    def _followed(self) -> str:
        """The token that followed each context the last time, int64 [B, O, T]; writes the states of matches."""
        graph, orders = self._graph, self._config.match_orders
        slots, vocab_size = self._config.match_slots, self._model.embedding.num_embeddings
        num_slots, size = graph.scalar(slots), graph.scalar(vocab_size)
        offset = [DOCUMENT_WEIGHT] * len(orders)
        keys = graph.node(
            "Transpose", [self._hash("matches", orders, offset, KEY_MODULUS)], perm=[0, 2, 1]
        )  # [B, O, T]
        last = graph.node("Transpose", [self._integers("state_in.keys")], perm=[1, 2, 0])  # [B, O, 1]
        joined = graph.node("Concat", [last, keys], axis=2)
        learned = graph.node("Slice", [joined, graph.ints(0), graph.ints(-1), graph.ints(2)])
        checks = graph.node("Mul", [graph.node("Div", [learned, num_slots]), size])
        entries = graph.node("Add", [checks, graph.node("Unsqueeze", ["tokens", graph.ints(1)])])
        into = graph.node("Mod", [learned, num_slots])
        asked = graph.node("Mod", [keys, num_slots])

        newer = graph.node("Unsqueeze", [into, graph.ints(2)])  # [B, O, 1, T]
        same = graph.node("Equal", [newer, graph.node("Unsqueeze", [asked, graph.ints(3)])])
        newest = self._newest(graph.node("And", [same, self._causal]))
        # The table stays float, in which its entries are exact: casting all of it would cost more than all the rest.
        from_table = graph.node("GatherElements", [self._table, asked], axis=2)
        from_table = graph.node("Cast", [from_table], to=TensorProto.INT64)
        nothing = graph.node("Less", [newest, graph.scalar(0)])
        at = graph.node("Max", [newest, graph.scalar(0)])
        from_window = graph.node("GatherElements", [entries, at], axis=2)
        found = graph.node("Where", [nothing, from_table, from_window])
        right = graph.node("Equal", [graph.node("Div", [found, size]), graph.node("Div", [keys, num_slots])])
        followed = graph.node("Where", [right, graph.node("Mod", [found, size]), graph.scalar(0)])

        final = self._newest(graph.node("Equal", [newer, graph.node("Unsqueeze", [into, graph.ints(3)])]))
        entries = graph.node("GatherElements", [entries, final], axis=2)
        self._write_table(into, graph.node("Cast", [entries], to=TensorProto.FLOAT))
        key = graph.node("Slice", [keys, graph.ints(-1), graph.ints(END), graph.ints(2)])
        self._write("keys", graph.node("Transpose", [key], perm=[2, 0, 1]))
        return followed

    def _write_table(self, into: str, entries: str) -> None:
        """Put entries [B, O, T] into the slots that are given for each order; the state is written in one pass."""
        graph, num_orders, slots = self._graph, len(self._config.match_orders), self._config.match_slots
        firsts = graph.constant("tables", np.arange(num_orders, dtype=np.int64)[:, None] * slots)
        flat = graph.node("Concat", [graph.ints(1), self._batch, graph.ints(-1)], axis=0)
        into = graph.node("Reshape", [graph.node("Add", [into, firsts]), flat])
        entries = graph.node("Reshape", [entries, flat])
        graph.nodes.append(
            helper.make_node("ScatterElements", ["state_in.table", into, entries], ["state_out.table"], axis=2)
        )

    def write_recent(self) -> None:
        """Keep the last tokens for the next window."""
        graph = self._graph
        last = graph.node("Slice", [self._extended, graph.ints(-self._model.past), graph.ints(END), graph.ints(1)])
        self._write("recent", graph.node("Unsqueeze", [last, graph.ints(0)]))

    def _vectors(self, followed: str, order: int) -> str:
        graph = self._graph
        ids = graph.node("Gather", [followed, graph.constant(f"order{order}", np.array(order))], axis=1)  # [B, T]
        table = graph.constant(f"matches{order}", self._model.matches[order].weight)
        return graph.node("Gather", [table, graph.node("Transpose", [ids], perm=[1, 0])])

    def _hash(self, name: str, orders: tuple[int, ...], offset: list[int], modulus: int) -> str:
        """hash_past: a product of the last tokens with the weights of each order, int64 [B, T, O]."""
        graph, past = self._graph, self._model.past
        weights = np.array(coefficients(orders, past)[::-1], np.int64)  # windows run from old to new
        product = graph.node("MatMul", [self._windows, graph.constant(f"{name}.weights", weights)])
        product = graph.node("Add", [product, graph.constant(f"{name}.offset", np.array(offset, np.int64))])
        return graph.node("Mod", [product, graph.scalar(modulus)])

    def _newest(self, matrix: str) -> str:
        """Index of the last true column of each row of a boolean [B, O, T, T], -1 where there is none."""
        graph = self._graph
        weighted = graph.node("Mul", [graph.node("Cast", [matrix], to=TensorProto.INT32), self._number])
        last = graph.node("ReduceMax", [weighted], axes=[-1], keepdims=0)
        return graph.node("Sub", [graph.node("Cast", [last], to=TensorProto.INT64), graph.scalar(1)])

    def _integers(self, state: str) -> str:
        return self._graph.node("Cast", [state], to=TensorProto.INT64)

    def _write(self, state: str, integers: str) -> None:
        self._graph.nodes.append(helper.make_node("Cast", [integers], [f"state_out.{state}"], to=TensorProto.FLOAT))

    @cached_property
    def _extended(self) -> str:
        """The window's tokens with those before it, [B, P + T]."""
        recent = self._graph.node("Squeeze", [self._integers("state_in.recent"), self._graph.ints(0)])
        return self._graph.node("Concat", [recent, "tokens"], axis=1)

    @cached_property
    def _time(self) -> str:
        """0 to T - 1, int64 [T]."""
        graph = self._graph
        time = graph.node("Gather", [graph.node("Shape", ["tokens"]), graph.scalar(1)])
        return graph.node("Range", [graph.scalar(0), time, graph.scalar(1)])

    @cached_property
    def _batch(self) -> str:
        """B, int64 [1]."""
        return self._graph.node("Gather", [self._graph.node("Shape", ["tokens"]), self._graph.ints(0)])

    @cached_property
    def _windows(self) -> str:
        """At each position the last P + 1 tokens, plus 1, [B, T, P + 1]."""
        graph = self._graph
        steps = graph.constant("steps", np.arange(self._model.past + 1)[None])
        index = graph.node("Add", [graph.node("Unsqueeze", [self._time, graph.ints(1)]), steps])
        shifted = graph.node("Add", [self._extended, graph.scalar(1)])
        return graph.node("Gather", [shifted, index], axis=1)

    @cached_property
    def _table(self) -> str:
        """Entries before the window, [B, O, S]."""
        shape = self._graph.ints(-1, len(self._config.match_orders), self._config.match_slots)
        return self._graph.node("Reshape", ["state_in.table", shape])

    @cached_property
    def _number(self) -> str:
        """1 to T, int32."""
        graph = self._graph
        number = graph.node("Add", [self._time, graph.scalar(1)])
        return graph.node("Cast", [number], to=TensorProto.INT32)

    @cached_property
    def _causal(self) -> str:
        """Whether column j is not behind row t, [T, T]."""
        graph = self._graph
        column = graph.node("Unsqueeze", [self._time, graph.ints(0)])
        return graph.node("LessOrEqual", [column, graph.node("Unsqueeze", [self._time, graph.ints(1)])])
