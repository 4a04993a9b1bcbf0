from __future__ import annotations

import inspect
import json

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import Tensor

from codling.lm.config import ModelConfig
from codling.lm.graph import build_graph, quantise, state_rows
from codling.lm.nets import RecurrentLM, hash_ngrams
from codling.vocab import CharVocab

VOCAB = CharVocab()
TOKENS = np.array([VOCAB.encode(inspect.getsource(json.loads)[i * 60 : i * 60 + 60]) for i in range(3)], np.int64)

CONFIGS = {
    "rnn": ModelConfig(cell="rnn", hidden_size=24),
    "gru": ModelConfig(cell="gru", hidden_size=24, num_layers=3),
    "lstm": ModelConfig(cell="lstm", hidden_size=24),
    "lstm-1": ModelConfig(cell="lstm", hidden_size=40, num_layers=1),
    "ngrams": ModelConfig(cell="lstm", hidden_size=24, ngram_orders=(2, 3, 6), ngram_buckets=509, ngram_size=8),
}


def network(config: ModelConfig) -> RecurrentLM:
    torch.manual_seed(1)
    model = RecurrentLM(config, VOCAB.size).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def run_onnx(graph: bytes, tokens: np.ndarray, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    values = session.run(None, {"tokens": tokens} | {f"state_in.{name}": value for name, value in state.items()})
    return dict(zip([output.name for output in session.get_outputs()], values, strict=True))


@pytest.mark.parametrize("name", CONFIGS)
def test_the_graph_computes_what_pytorch_computes(name: str) -> None:
    model = network(CONFIGS[name])
    with torch.no_grad():
        _, state = model(torch.tensor(TOKENS), model.initial_state(3))  # so that the state is not zero
        logits, after = model(torch.tensor(TOKENS), state)
    found = run_onnx(build_graph(model), TOKENS, {key: value.numpy() for key, value in state.items()})
    np.testing.assert_allclose(found["log_probs"], logits.log_softmax(-1).numpy(), atol=2e-5)
    assert {row.name for row in state_rows(model)} == set(after)
    for key, value in after.items():
        np.testing.assert_allclose(found[f"state_out.{key}"], value.numpy(), atol=2e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_windows_of_any_size_give_the_same(name: str) -> None:
    graph, model = build_graph(network(CONFIGS[name])), network(CONFIGS[name])
    state = {key: value.numpy() for key, value in model.initial_state(3).items()}
    whole = run_onnx(graph, TOKENS, state)["log_probs"]
    parts = []
    for window in np.split(TOKENS, [1, 2, 7, 30], axis=1):
        found = run_onnx(graph, window, state)
        parts.append(found["log_probs"])
        state = {key: found[f"state_out.{key}"] for key in state}
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=2e-5)


@pytest.mark.parametrize("name", ["lstm", "ngrams"])
def test_int8_is_close_and_smaller(name: str) -> None:
    model = network(CONFIGS[name])
    graph = build_graph(model)
    small = quantise(graph)
    state = {key: value.numpy() for key, value in model.initial_state(3).items()}
    exact, close = (run_onnx(which, TOKENS, state)["log_probs"] for which in (graph, small))
    assert np.abs(exact - close).max() < 0.25
    assert (exact.argmax(-1) == close.argmax(-1)).mean() > 0.9
    assert len(small) < 0.55 * len(graph)


def test_an_lstm_cell_written_out_agrees_with_the_network() -> None:
    """Oracle: the equations of Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000), token by token."""
    model = network(CONFIGS["lstm"])
    ids = torch.tensor(TOKENS[0])
    h = [torch.zeros(24) for _ in model.layers]
    c = [torch.zeros(24) for _ in model.layers]
    rows: list[Tensor] = []
    with torch.no_grad():
        for token in ids:
            x = model.embedding.weight[token]
            for layer, cell in enumerate(model.layers):
                gates = cell.weight_ih_l0 @ x + cell.bias_ih_l0 + cell.weight_hh_l0 @ h[layer] + cell.bias_hh_l0
                i, f, g, o = gates.chunk(4)
                c[layer] = f.sigmoid() * c[layer] + i.sigmoid() * g.tanh()
                h[layer] = x = o.sigmoid() * c[layer].tanh()
            rows.append(model.output.weight @ x + model.output.bias)
        logits, _ = model(ids[None], model.initial_state(1))
    torch.testing.assert_close(logits[0], torch.stack(rows), atol=1e-5, rtol=1e-4)


def test_ngram_rows_depend_on_their_order_s_tokens_alone() -> None:
    tokens = torch.tensor(TOKENS)
    orders, buckets = (2, 4), 10_007
    rows, recent = hash_ngrams(tokens, torch.zeros(1, 3, 3), orders, buckets)
    assert rows.shape == (3, 60, 2)
    assert int(rows.min()) >= 0
    assert int(rows.max()) < buckets
    changed = tokens.clone()
    changed[:, 10] += 1
    other, _ = hash_ngrams(changed, torch.zeros(1, 3, 3), orders, buckets)
    for column, order in enumerate(orders):
        touched = (rows[..., column] != other[..., column]).any(0).nonzero().flatten()
        assert set(touched.tolist()) == set(range(10, 10 + order))
    head, middle = hash_ngrams(tokens[:, :25], torch.zeros(1, 3, 3), orders, buckets)
    tail, after = hash_ngrams(tokens[:, 25:], middle, orders, buckets)
    assert torch.equal(torch.cat([head, tail], dim=1), rows)
    assert torch.equal(after, recent)


def test_presets_are_whole() -> None:
    from codling.errors import ConfigError
    from codling.lm.presets import list_presets, preset

    for name, purpose in list_presets().items():
        assert preset(name).name == name
        assert purpose
    with pytest.raises(ConfigError, match="did you mean 'paper-lstm'"):
        preset("paper-lsmt")


@pytest.mark.parametrize("bad", [{"hidden_size": 0}, {"dropout": 1.0}, {"ngram_orders": (1,)}])
def test_an_absurd_model_is_refused(bad: dict[str, object]) -> None:
    from codling.errors import ConfigError

    with pytest.raises(ConfigError, match=f"model.{next(iter(bad))}"):
        ModelConfig(**bad)  # type: ignore[arg-type]
