"""A TreeLSTM in DyNet 2.1 with autobatching, in DyNet's own interpreter: python tree_dynet.py HIDDEN WORDS

Reads a line of JSON per step, a list of trees, and answers with the seconds that the step took.
"""

from __future__ import annotations

import json
import sys
import time

import dynet_config

dynet_config.set(mem=4096, autobatch=1, random_seed=1)

import dynet as dy  # noqa: E402

sys.setrecursionlimit(10_000)
hidden, words = int(sys.argv[1]), int(sys.argv[2])
model = dy.ParameterCollection()
embed = model.add_lookup_parameters((words, hidden))
project, project_bias = model.add_parameters((2 * hidden, hidden)), model.add_parameters(2 * hidden)
weight, bias = model.add_parameters((5 * hidden, 2 * hidden)), model.add_parameters(5 * hidden)


def encode(tree):
    if isinstance(tree, int):
        both = dy.affine_transform([project_bias, project, embed[tree]])
        return dy.pick_range(both, 0, hidden), dy.pick_range(both, hidden, 2 * hidden)
    (lh, lc), (rh, rc) = encode(tree[0]), encode(tree[1])
    gates = dy.affine_transform([bias, weight, dy.concatenate([lh, rh])])
    squashed = dy.logistic(dy.pick_range(gates, 0, 4 * hidden))
    i, o, fl, fr = (dy.pick_range(squashed, k * hidden, (k + 1) * hidden) for k in range(4))
    u = dy.tanh(dy.pick_range(gates, 4 * hidden, 5 * hidden))
    c = dy.cmult(i, u) + dy.cmult(fl, lc) + dy.cmult(fr, rc)
    return dy.cmult(o, dy.tanh(c)), c


for line in sys.stdin:
    trees = json.loads(line)
    started = time.process_time()
    dy.renew_cg()
    loss = dy.esum([dy.sum_elems(encode(tree)[0]) for tree in trees])
    loss.forward()
    loss.backward()
    print(time.process_time() - started, flush=True)
