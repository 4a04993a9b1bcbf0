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
from codling.lm.lookup import KEY_MODULUS, hash_past, match_past
from codling.lm.nets import RecurrentLM
from codling.vocab import CharVocab

VOCAB = CharVocab()
TOKENS = np.array([VOCAB.encode(inspect.getsource(json.loads)[i * 60 : i * 60 + 60]) for i in range(3)], np.int64)

CONFIGS = {
    "rnn": ModelConfig(cell="rnn", hidden_size=24),
    "gru": ModelConfig(cell="gru", hidden_size=24, num_layers=3),
    "lstm": ModelConfig(cell="lstm", hidden_size=24),
    "lstm-1": ModelConfig(cell="lstm", hidden_size=40, num_layers=1),
    "ngrams": ModelConfig(cell="lstm", hidden_size=24, ngram_orders=(2, 3, 6), ngram_buckets=509, ngram_size=8),
    "matches": ModelConfig(cell="lstm", hidden_size=24, match_orders=(3, 5), match_slots=360, match_size=8),
    "both": ModelConfig(hidden_size=24, num_layers=1, ngram_orders=(2, 4), match_orders=(3, 8), match_slots=500),
    "tied": ModelConfig(hidden_size=24, num_layers=2, embedding_size=16, tied=True),
    "tied-matches": ModelConfig(
        hidden_size=24, num_layers=1, embedding_size=16, tied=True, match_orders=(2, 5), match_slots=400, match_size=8
    ),
    "pointer": ModelConfig(
        hidden_size=24,
        num_layers=1,
        embedding_size=16,
        tied=True,
        ngram_orders=(2, 3),
        match_orders=(2, 4),
        match_slots=400,
        pointer_size=8,
        pointer_window=24,
    ),
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
    model, names = network(CONFIGS[name]), [row.name for row in state_rows(network(CONFIGS[name]))]
    start = np.concatenate([np.zeros((3, 1), np.int64), TOKENS], axis=1)  # DOC first, as in every document
    with torch.no_grad():
        _, state = model(torch.tensor(start), model.initial_state(3))  # so that the state is not zero
        logits, after = model(torch.tensor(TOKENS), state)
    graph = build_graph(model)
    zeros = {key: value.numpy() for key, value in model.initial_state(3).items() if key in names}
    before = run_onnx(graph, start, zeros)
    for key in names:
        np.testing.assert_allclose(before[f"state_out.{key}"], state[key].numpy(), atol=2e-5)
    found = run_onnx(graph, TOKENS, {key: state[key].numpy() for key in names})
    np.testing.assert_allclose(found["log_probs"], logits.log_softmax(-1).numpy(), atol=5e-5)
    for key in names:
        np.testing.assert_allclose(found[f"state_out.{key}"], after[key].numpy(), atol=2e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_windows_of_any_size_give_the_same(name: str) -> None:
    graph, model = build_graph(network(CONFIGS[name])), network(CONFIGS[name])
    state = {row.name: np.zeros((1, 3, row.shape[2]), np.float32) for row in state_rows(model)}
    whole = run_onnx(graph, TOKENS, state)["log_probs"]
    parts = []
    for window in np.split(TOKENS, [1, 2, 7, 30], axis=1):
        found = run_onnx(graph, window, state)
        parts.append(found["log_probs"])
        state = {key: found[f"state_out.{key}"] for key in state}
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=2e-5)


@pytest.mark.parametrize("name", ["lstm", "ngrams", "tied", "tied-matches", "pointer"])
def test_int8_is_close_and_smaller(name: str) -> None:
    model = network(CONFIGS[name])
    graph = build_graph(model)
    small = quantise(graph)
    state = {row.name: np.zeros((1, 3, row.shape[2]), np.float32) for row in state_rows(model)}
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


def test_hashes_depend_on_their_order_s_tokens_alone() -> None:
    orders, past = (2, 4), 6
    extended = torch.tensor(np.concatenate([np.zeros((3, past), np.int64), TOKENS], axis=1))
    rows = hash_past(extended, orders, past, 10_007)
    assert rows.shape == (3, 60, 2)
    assert int(rows.min()) >= 0
    assert int(rows.max()) < 10_007
    changed = extended.clone()
    changed[:, past + 10] += 1
    other = hash_past(changed, orders, past, 10_007)
    for column, order in enumerate(orders):
        touched = (rows[..., column] != other[..., column]).any(0).nonzero().flatten()
        assert set(touched.tolist()) == set(range(10, 10 + order))


@pytest.mark.parametrize("slots", [7, 64, 4_096])
def test_matches_are_what_a_table_kept_token_by_token_finds(slots: int) -> None:
    """Oracle: a dictionary of slots, one token after the other; and the same in windows of several sizes."""
    order, vocab_size = 3, VOCAB.size
    tokens = torch.tensor(TOKENS).flatten()[None].repeat(1, 3)
    extended = torch.cat([torch.zeros(1, order - 1, dtype=torch.int64), tokens], dim=1)
    keys = hash_past(extended, (order,), order - 1, KEY_MODULUS)
    table: dict[int, tuple[int, int]] = {}
    expected, previous = [], 0
    for token, key in zip(tokens[0].tolist(), keys[0, :, 0].tolist(), strict=True):
        table[previous % slots] = (previous // slots, token)
        check, followed = table.get(key % slots, (-1, 0))
        expected.append(followed if check == key // slots else 0)
        previous = key
    for sizes in ([540], [1] * 540, [100, 1, 39, 400]):
        entries, last = torch.zeros(1, 1, slots, dtype=torch.int64), torch.zeros(1, 1, dtype=torch.int64)
        found = []
        for window, window_keys in zip(tokens.split(sizes, 1), keys.split(sizes, 1), strict=True):
            followed, entries = match_past(window_keys, window, last, entries, vocab_size)
            last = window_keys[:, -1]
            found += followed[0, :, 0].tolist()
        assert found == expected
    assert slots < 4_096 or sum(token > 0 for token in expected) > 300  # the text stands there three times


def test_a_match_does_not_reach_into_another_document() -> None:
    model = network(CONFIGS["matches"])
    seen: list[Tensor] = []
    for table in model.matches:
        table.register_forward_hook(lambda _, ids, __: seen.append(ids[0]))
    text = [0, *VOCAB.encode("import numpy as np\n")]
    model(torch.tensor([text + text]), model.initial_state(1))
    assert all(not ids.any() for ids in seen)
    seen.clear()
    model(torch.tensor([text + text[1:]]), model.initial_state(1))
    assert all(ids[0, -8:].all() for ids in seen)


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


def test_a_match_table_too_small_to_be_exact_is_refused() -> None:
    from codling.errors import ConfigError

    with pytest.raises(ConfigError, match=f"match_slots must be at least the vocabulary's size, {VOCAB.size}"):
        RecurrentLM(ModelConfig(match_orders=(4,), match_slots=VOCAB.size - 1), VOCAB.size)
