"""Functions as trees: what is in them, that batches of them equal one by one, that names can be learnt."""

from __future__ import annotations

import inspect
import json
import random
import textwrap
from collections.abc import Callable

import pytest
import torch

from codling import fold
from codling.errors import InputError
from codling.trees import (
    Labels,
    Namer,
    NamingConfig,
    TreeEncoder,
    bag_namer,
    evaluate,
    functions,
    one_by_one,
    sub_tokens,
    train_namer,
    tree_namer,
)
from codling.trees.syntax import NAME, Function

SOURCE = '''
class Reader:
    def read_HTTPBody(self, max_bytes=10):
        """Read it: read_HTTPBody."""
        # a comment
        if self.left <= max_bytes + 1:
            return self.read_HTTPBody("x")

        def inner(): return 2.5
'''


def test_sub_tokens() -> None:
    assert sub_tokens("get_HTTPResponse2") == ["get", "http", "response", "2"]
    assert sub_tokens("__init__") == ["init"] and sub_tokens("_") == [] and sub_tokens("maxBytes") == ["max", "bytes"]


def test_a_function_as_a_tree() -> None:
    outer, inner = functions(SOURCE)
    assert (outer.name, outer.line, inner.name) == ("read_HTTPBody", 3, "inner")
    labels = list(outer.tree.labels())
    assert labels[:3] == ["function_definition", "identifier", NAME]
    assert labels.count(NAME) == 2 and "read" not in labels and "http" not in labels
    assert "comparison_operator <=" in labels and "binary_operator +" in labels
    assert labels.count("<string>") == 1 and "<number>" in labels and "comment" not in labels
    assert outer.tree.num_nodes == len(labels)
    assert [f.name for f in functions(SOURCE, max_nodes=10)] == ["inner"]


def test_java_and_broken_code() -> None:
    java = "class A { int sumAll(int[] xs) { int t = 0; for (int x : xs) t += x; return t; } }"
    (method,) = functions(java, "java")
    assert method.name == "sumAll" and "<number>" in set(method.tree.labels())
    assert "whole" in [f.name for f in functions("def whole(): return 1\n\ndef half(x):\n    return (x\n")]
    with pytest.raises(InputError, match="python"):
        list(functions("", "pyton"))


def real_functions() -> list[Function]:
    modules = (json.decoder, random, textwrap, inspect)
    return [f for module in modules for f in functions(inspect.getsource(module), max_nodes=120)]


def test_a_batch_of_trees_equals_one_by_one() -> None:
    sample = real_functions()[:12]
    labels = Labels.of(label for f in sample for label in f.tree.labels())
    torch.manual_seed(0)
    encoder = TreeEncoder(labels, 6).double()
    trees = [f.tree for f in sample]
    for _ in range(2):
        encoder.zero_grad()
        vectors = encoder(trees)
        vectors.square().sum().backward()
        batched = [vectors, *(p.grad.clone() for p in encoder.parameters())]
    encoder.zero_grad()
    with fold.eager():
        single = encoder(trees)
    single.square().sum().backward()
    for one, other in zip(batched, [single, *(p.grad for p in encoder.parameters())], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("kind", [bag_namer, tree_namer])
def test_a_namer_learns_names(kind: Callable[..., Namer]) -> None:
    sample = real_functions()[:40]
    labels = Labels.of(label for f in sample for label in f.tree.labels())
    words = Labels.of(word for f in sample for word in sub_tokens(f.name))
    config = NamingConfig(hidden=16, batch=8, epochs=15, learning_rate=0.02, dropout=0.0)
    torch.manual_seed(0)
    namer = kind(labels, words, config)
    before, losses = evaluate(namer, sample), []
    train_namer(namer, sample, config, lambda epoch, loss, rate: losses.append(loss))
    after = evaluate(namer, sample)
    assert len(losses) == 15 and losses[-1] < 0.75 * losses[0]
    assert after.f1 > before.f1 + 0.3 and 0 < after.accuracy <= 1
    if kind is tree_namer:
        torch.testing.assert_close(one_by_one(namer, sample[:4]), namer.loss(sample[:4]), rtol=1e-4, atol=1e-5)


def test_scores_count_words_over_all_names() -> None:
    sample = real_functions()[:10]
    labels = Labels.of(label for f in sample for label in f.tree.labels())
    words = Labels.of(word for f in sample for word in sub_tokens(f.name))
    namer = bag_namer(labels, words, NamingConfig(hidden=4))
    everything = evaluate(namer, sample, threshold=1e-9)  # all words, for all names
    meant = sum(len(set(sub_tokens(f.name))) for f in sample)
    assert everything.recall == 1.0
    assert everything.precision == pytest.approx(meant / (len(sample) * (len(words) - 1)))
