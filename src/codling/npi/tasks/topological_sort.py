"""Topological sort by depth-first search: Cai, Shin & Song 2017, table 3."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from codling.npi.environment import ANY, Environment, action, feature
from codling.npi.program import program
from codling.npi.task import Problem, Task
from codling.npi.view import Row, View

__all__ = ["Graph", "TopologicalSort"]

Which = Literal["start", "child"]


class Graph(Environment):
    """A directed graph without cycles, colours on its nodes, and the path along which one has come."""

    def __init__(self, edges: Mapping[str, Sequence[str]]) -> None:
        self.edges = edges
        self.nodes = list(edges)
        self.colour = dict.fromkeys(self.nodes, "white")
        self.start = 0
        self.path: list[list[str | int]] = []
        self.order: list[str] = []

    def _start(self) -> str | None:
        return self.nodes[self.start] if self.start < len(self.nodes) else None

    def _child(self) -> str | None:
        if not self.path:
            return None
        node, index = self.path[-1]
        children = self.edges[str(node)]
        return children[int(index)] if int(index) < len(children) else None

    @feature
    def start_done(self) -> bool:
        """Every node has been tried as a start."""
        return self._start() is None

    @feature
    def start_white(self) -> bool:
        """The next start has not been visited."""
        node = self._start()
        return node is not None and self.colour[node] == "white"

    @feature
    def child_done(self) -> bool:
        """Every successor of the last node of the path has been tried."""
        return self._child() is None

    @feature
    def child_white(self) -> bool:
        node = self._child()
        return node is not None and self.colour[node] == "white"

    @action(
        changes=lambda which: (
            {"child_done": ANY, "child_white": ANY} | ({"start_white": [False]} if which == "start" else {})
        )
    )
    def enter(self, which: Which) -> None:
        """Go on the path to the next start, or the next successor."""
        node = self._start() if which == "start" else self._child()
        if node is None:
            raise IndexError(f"there is no next {which}")
        self.colour[node] = "grey"
        self.path.append([node, 0])

    @action(changes=lambda which: {f"{which}_done": ANY, f"{which}_white": ANY})
    def next(self, which: Which) -> None:
        if which == "start":
            self.start += 1
        else:
            self.path[-1][1] = int(self.path[-1][1]) + 1

    @action(changes=["child_done", "child_white"])
    def finish(self) -> None:
        """The last node of the path comes before all that are finished."""
        node = str(self.path.pop()[0])
        self.colour[node] = "black"
        self.order.append(node)

    @classmethod
    def possible(cls, **seen: bool) -> bool:
        return not (seen["start_done"] and seen["start_white"]) and not (seen["child_done"] and seen["child_white"])

    def result(self) -> str:
        return " ".join(reversed(self.order))

    def view(self) -> View:
        marks = {"white": "", "grey": "◦", "black": "•"}
        nodes = tuple(f"{marks[self.colour[node]]}{node}" for node in self.nodes)
        rows = [Row("nodes", nodes, (("start", self.start),))]
        rows.append(Row("path", tuple(str(node) for node, _ in self.path)))
        if self.path:
            node, index = self.path[-1]
            rows.append(Row("successors", tuple(self.edges[str(node)]), (("child", int(index)),)))
        rows.append(Row("order", tuple(reversed(self.order))))
        return View(tuple(rows))


@program
def topological_sort(graph: Graph) -> None:
    if graph.start_done:
        return
    if graph.start_white:
        visit(graph, "start")
    graph.next("start")
    topological_sort(graph)


@program
def visit(graph: Graph, which: Which) -> None:
    graph.enter(which)
    children(graph)
    graph.finish()


@program
def children(graph: Graph) -> None:
    """All successors from the next one on."""
    if graph.child_done:
        return
    if graph.child_white:
        visit(graph, "child")
    graph.next("child")
    children(graph)


class Walk(Graph):
    """For topological sort without recursion: one sees whether the path has an end."""

    @feature
    def path_empty(self) -> bool:
        return not self.path

    @action(changes=lambda which: {"child_done": ANY, "child_white": ANY, "start_white": ANY, "path_empty": [False]})  # noqa: ARG005
    def enter(self, which: Which) -> None:
        Graph.enter.function(self, which)

    @action(changes=["child_done", "child_white", "path_empty"])
    def finish(self) -> None:
        Graph.finish.function(self)


@program(name="traverse")
def traverse_looping(walk: Walk) -> None:
    """Everything that can be reached from the next start."""
    walk.enter("start")
    while not walk.path_empty:
        if walk.child_done:
            walk.finish()
        elif walk.child_white:
            walk.enter("child")
        else:
            walk.next("child")


@program(name="topological_sort")
def topological_sort_looping(walk: Walk) -> None:
    while not walk.start_done:
        if walk.start_white:
            traverse_looping(walk)
        walk.next("start")


class TopologicalSort(Task):
    """The nodes of a graph, each before its successors."""

    name = "topological-sort"
    environment = Graph
    programs = (topological_sort, visit, children)
    variants = {"none": (topological_sort_looping, traverse_looping)}  # noqa: RUF012 - the base declares it
    variant_environments = {"none": Walk}  # noqa: RUF012
    usage = "nodes with their successors, as NODE or NODE:NODE,NODE"
    example = ("socks:shoes", "trousers:shoes,belt", "shirt:belt")
    train_size = 5

    def parse(self, words: Sequence[str]) -> Problem:
        edges: dict[str, list[str]] = {}
        for word in words:
            node, _, rest = word.partition(":")
            children = [child for child in rest.split(",") if child]
            for name in (node, *children):
                if not name or not name.isprintable():
                    raise self.refuse(words, f"{word[:40]!r} names no node")
                edges.setdefault(name, [])
            edges[node] += [child for child in children if child not in edges[node]]
        if not edges:
            raise self.refuse(words)
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as error:
            raise self.refuse(words, f"there is a cycle: {' ← '.join(error.args[1])}") from None
        return ({node: tuple(children) for node, children in edges.items()},)

    def words(self, problem: Problem) -> list[str]:
        return [f"{node}:{','.join(children)}" if children else node for node, children in problem[0].items()]

    def sample(self, chance: random.Random, size: int) -> Problem:
        nodes = [f"n{index}" for index in range(size)]
        ranked = chance.sample(nodes, size)
        likely = min(0.5, 4 / size)
        edges = {
            node: chance.sample(later := [each for each in ranked[rank + 1 :] if chance.random() < likely], len(later))
            for rank, node in enumerate(ranked)
        }
        return ({node: tuple(edges[node]) for node in nodes},)

    def answer(self, problem: Problem) -> str:
        edges: Mapping[str, Sequence[str]] = problem[0]
        order: list[str] = []
        seen: set[str] = set()
        for start in edges:
            waiting = [(start, iter(edges[start]))] if start not in seen else []
            seen.add(start)
            while waiting:
                node, children = waiting[-1]
                child = next((each for each in children if each not in seen), None)
                if child is None:
                    order.append(node)
                    waiting.pop()
                else:
                    seen.add(child)
                    waiting.append((child, iter(edges[child])))
        return " ".join(reversed(order))

    def small(self) -> Iterable[Problem]:
        """Every graph of up to four nodes, whichever way its nodes are numbered."""
        for size in range(1, 5):
            pairs = list(itertools.combinations(range(size), 2))
            for ranked in itertools.permutations(range(size)):
                for chosen in itertools.product((False, True), repeat=len(pairs)):
                    edges: dict[str, list[str]] = {f"n{index}": [] for index in range(size)}
                    for (one, other), there in zip(pairs, chosen, strict=True):
                        if there:
                            edges[f"n{ranked[one]}"].append(f"n{ranked[other]}")
                    yield ({node: tuple(children) for node, children in edges.items()},)
