"""A TreeLSTM in DGL 1.1.3, after DGL's own example, in an interpreter that has it: python tree_dgl.py HIDDEN WORDS

Reads a line of JSON per step, a list of trees, and answers with the seconds that the step took, graphs built included.
"""

from __future__ import annotations

import json
import sys
import time

import dgl
import torch
from torch import nn

sys.setrecursionlimit(10_000)
torch.set_num_threads(1)
hidden, words = int(sys.argv[1]), int(sys.argv[2])


class TreeLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, hidden)
        self.project = nn.Linear(hidden, 2 * hidden)
        self.gates = nn.Linear(2 * hidden, 5 * hidden)

    def message(self, edges):
        return {"h": edges.src["h"], "c": edges.src["c"]}

    def reduce(self, nodes):
        h, c = nodes.mailbox["h"], nodes.mailbox["c"]  # [N, 2, H]
        i, o, fl, fr, u = self.gates(h.flatten(1)).chunk(5, 1)
        c = i.sigmoid() * u.tanh() + fl.sigmoid() * c[:, 0] + fr.sigmoid() * c[:, 1]
        return {"c": c, "h": o.sigmoid() * c.tanh()}

    def forward(self, graph):
        leaves = graph.ndata["word"] >= 0
        h, c = self.project(self.embed(graph.ndata["word"].clamp(min=0))).chunk(2, 1)
        graph.ndata["h"] = h * leaves[:, None]
        graph.ndata["c"] = c * leaves[:, None]
        dgl.prop_nodes_topo(graph, self.message, self.reduce)
        return graph.ndata["h"]


def graph_of(tree):
    sources, targets, labels = [], [], []

    def visit(tree):
        node = len(labels)
        labels.append(tree if isinstance(tree, int) else -1)
        if not isinstance(tree, int):
            for child in tree:
                sources.append(visit(child))
                targets.append(node)
        return node

    visit(tree)
    graph = dgl.graph((torch.tensor(sources), torch.tensor(targets)), num_nodes=len(labels))
    graph.ndata["word"] = torch.tensor(labels)
    return graph


model = TreeLSTM()
for line in sys.stdin:
    trees = json.loads(line)
    started = time.process_time()
    model.zero_grad()
    batch = dgl.batch([graph_of(tree) for tree in trees])
    h = model(batch)
    roots = torch.cumsum(batch.batch_num_nodes(), 0) - batch.batch_num_nodes()
    h[roots].sum().backward()
    print(time.process_time() - started, flush=True)
