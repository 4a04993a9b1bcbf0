"""A warm reader must answer as a cold one, and cost next to nothing."""

from __future__ import annotations

import inspect
import subprocess
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codling.engine import load_model
from codling.engine.model import Model, State
from codling.engine.positions import Position, Positions
from codling.engine.prefix import CHUNK, PrefixReader, window_start
from codling.errors import CancelledError

SOURCE = inspect.getsource(subprocess)


@pytest.fixture(scope="module")
def model(tiny: Path) -> Model:
    return load_model(tiny)


@pytest.fixture(scope="module")
def int8_model(tiny_int8: Path) -> Model:
    return load_model(tiny_int8)


@st.composite
def edits(draw: st.DrawFn) -> list[str]:
    """Prefixes as an editor sends them: someone types, deletes, pastes, jumps."""
    text = SOURCE[: draw(st.integers(0, 900))]
    prefixes = [text]
    for _ in range(draw(st.integers(1, 12))):
        what = draw(st.sampled_from(["type", "delete", "paste", "jump", "change"]))
        if what == "type":
            text += draw(st.sampled_from("abc (=\n🐟é"))
        elif what == "delete":
            text = text[: -draw(st.integers(1, 30))]
        elif what == "paste":
            at = draw(st.integers(0, len(SOURCE) - 200))
            text += SOURCE[at : at + draw(st.integers(1, 200))]
        elif what == "jump":
            text = SOURCE[: draw(st.integers(0, 1_500))]
        elif text:
            at = draw(st.integers(0, len(text) - 1))
            text = text[:at] + "_" + text[at + 1 :]
        prefixes.append(text)
    return prefixes


@given(edits())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_warm_is_cold(model: Model, prefixes: list[str]) -> None:
    warm = PrefixReader(model, context=200, chunk=64)
    for prefix in prefixes:
        expected = PrefixReader(model, context=200, chunk=10_000).read(prefix)
        position = warm.read(prefix)
        np.testing.assert_allclose(position.log_probs_V, expected.log_probs_V, atol=2e-4)
        assert position.num_tokens == expected.num_tokens
        for name, array in expected.state.items():
            np.testing.assert_allclose(position.state[name], array, atol=1e-4)


def test_int8_is_close(int8_model: Model) -> None:
    """Dynamic quantisation scales activations per call, so other windows give slightly other numbers."""
    warm = PrefixReader(int8_model, chunk=64)
    differences, same_best = [], 0
    for end in range(1_000, 1_100):
        expected = PrefixReader(int8_model, chunk=10_000).read(SOURCE[:end]).log_probs_V
        got = warm.read(SOURCE[:end]).log_probs_V
        differences.append(np.abs(np.exp(got) - np.exp(expected)).sum())
        same_best += int(got.argmax() == expected.argmax())
    assert np.mean(differences) < 0.1  # total variation distance is half of that
    assert same_best >= 90


def test_a_typed_character_is_one_step(model: Model) -> None:
    reader = PrefixReader(model)
    reader.read(SOURCE[:1_000])
    for end in range(1_001, 1_050):
        before = reader.num_steps
        reader.read(SOURCE[:end])
        assert reader.num_steps - before == 1


def test_backspace_is_free_after_typing(model: Model) -> None:
    reader = PrefixReader(model)
    for end in range(1_000, 1_050):
        reader.read(SOURCE[:end])
    before = reader.num_steps
    for end in range(1_049, 1_000, -1):
        reader.read(SOURCE[:end])
    assert reader.num_steps == before


def test_backspace_in_a_file_just_opened_reads_the_line_again_at_most(model: Model) -> None:
    reader = PrefixReader(model)
    text = SOURCE[:1_500].rstrip()
    reader.read(text)
    before = reader.num_steps
    reader.read(text[:-1])
    assert reader.num_steps - before <= len(text) - text.rfind("\n")


def test_an_edit_goes_on_from_the_checkpoint_before_it(model: Model) -> None:
    reader = PrefixReader(model, chunk=30, stride=100)
    reader.read(SOURCE[:1_500])
    before = reader.num_steps
    reader.read(SOURCE[:750] + "x")
    assert reader.num_steps - before <= 101


def test_no_call_of_the_model_is_large(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a call computes on the way lies in memory that ONNX Runtime never gives back."""
    model, sizes = load_model(tiny), []
    run = model.run

    def measured(tokens_BT: npt.NDArray[np.int64], state: State) -> tuple[npt.NDArray[np.float32], State]:
        sizes.append(tokens_BT.shape[1])
        return run(tokens_BT, state)

    monkeypatch.setattr(model, "run", measured)
    PrefixReader(model, context=5_000).read(SOURCE[:3_000])
    assert sum(sizes) > 3_000
    assert max(sizes) <= CHUNK


def test_a_text_that_is_read_costs_a_state_for_each_stride(model: Model) -> None:
    one = PrefixReader(model).read("\n").num_bytes
    reader = PrefixReader(model, context=5_000, chunk=10, stride=200)
    reader.read(SOURCE[:2_000])
    assert reader.num_bytes <= one * (2_000 / 200 + 2)  # and the last line's start, and its end


def test_steps_along_a_suggestion_are_remembered(model: Model) -> None:
    reader = PrefixReader(model)
    position = reader.read(SOURCE[:500])
    suggestion = " = value"
    for token in model.vocab.encode(suggestion):
        position = reader.step(position, token)
    before = reader.num_steps
    typed = reader.read(SOURCE[:500] + suggestion)
    assert reader.num_steps == before
    np.testing.assert_array_equal(typed.log_probs_V, position.log_probs_V)


def test_what_was_typed_along_outlives_what_was_only_guessed(model: Model) -> None:
    text = SOURCE[:500]
    room = 25 * PrefixReader(model).read(text).num_bytes  # for what was read, and as much for what was guessed
    reader = PrefixReader(model, max_bytes=2 * room)
    reader.read(text)
    for character in " = value":
        reader.step(reader.read(text), model.vocab.encode(character)[0])
        text += character
        reader.read(text)
    position = reader.read(text)
    for token in range(1, 30):  # more than there is room for
        position = reader.step(position, token)
    before = reader.num_steps
    reader.read(text[:-6])
    assert reader.num_steps == before


def test_positions_of_one_call_go_together() -> None:
    positions = Positions(max_bytes=5_000)  # each takes 1,000 bytes and its arrays
    pairs = [[_position(2 * call + row) for row in (0, 1)] for call in range(4)]
    for pair in pairs[:2]:
        positions.add(pair)
    assert positions.find((0, 0)) is pairs[0][0]  # so that the other call is the one that waits longest
    positions.add(pairs[2])
    kept = [number for number in range(6) if positions.find((number, number)) is not None]
    assert kept == [0, 1, 4, 5]
    again = _position(0)
    positions.add([again])
    assert positions.find((0, 0)) is again
    positions.add(pairs[3])
    assert positions.num_bytes <= 5_000
    positions.clear()
    assert positions.num_bytes == 0
    assert positions.find((0, 0)) is None


def _position(number: int) -> Position:
    return Position(np.zeros(4, np.float32), {"h": np.zeros((1, 1, 4), np.float32)}, number, (number, number))


def test_cold_open_reads_no_more_than_the_context(model: Model) -> None:
    reader = PrefixReader(model, context=1_000)
    reader.read(SOURCE)
    assert 1_000 <= reader.num_steps <= 1_501


def test_memory_is_bounded_and_eviction_harmless(model: Model) -> None:
    reader = PrefixReader(model, max_bytes=50_000)
    for end in range(300, 500):
        reader.read(SOURCE[:end])
        assert reader.num_bytes <= 50_000
    expected = PrefixReader(model).read(SOURCE[:350]).log_probs_V
    np.testing.assert_allclose(reader.read(SOURCE[:350]).log_probs_V, expected, atol=2e-4)


def test_no_room_at_all_is_only_slow(model: Model) -> None:
    reader = PrefixReader(model, max_bytes=0)
    first, second = reader.read("import os"), reader.read("import os")
    np.testing.assert_array_equal(first.log_probs_V, second.log_probs_V)
    assert reader.num_bytes == 0
    assert reader.num_steps == 2 * len("\n\0import os")


def test_threads_get_what_one_would(model: Model) -> None:
    reader = PrefixReader(model, context=300, chunk=32, max_bytes=200_000)
    ends = list(range(200, 1_000, 10))
    expected = {end: PrefixReader(model, context=300).read(SOURCE[:end]).log_probs_V for end in ends}
    failures: list[Exception] = []

    def work(order: list[int]) -> None:
        try:
            for end in order:
                np.testing.assert_allclose(reader.read(SOURCE[:end]).log_probs_V, expected[end], atol=2e-4)
        except Exception as error:
            failures.append(error)

    orders = [ends, ends[::-1], ends[::2] + ends[1::2], ends[40:] + ends[:40]]
    workers = [threading.Thread(target=work, args=(order,)) for order in orders]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]


def test_cancelled_between_chunks_and_taken_up_again(model: Model) -> None:
    reader = PrefixReader(model, context=5_000, chunk=100, stride=500)
    asked = 0

    def after_three() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(CancelledError):
        reader.read(SOURCE[:2_000], after_three)
    assert reader.num_steps == 300
    reader.read(SOURCE[:2_000])
    assert reader.num_steps == 2_002  # what was read before the cancellation was not lost


def test_any_text_can_be_read(model: Model) -> None:
    reader = PrefixReader(model)
    for text in ("", "\n", "🐟" * 50, "\ud800", "\x01\x7f", "a" * 10_000):
        assert np.isfinite(reader.read(text).log_probs_V).all()


@given(st.text(alphabet="ab_ \n", max_size=400), st.integers(1, 60))
def test_window(text: str, context: int) -> None:
    start = window_start(text, context)
    assert len(text) - start >= min(len(text), context)
    assert len(text) - start <= context * 1.5 + 2


@given(st.integers(0, 4_000))
@settings(max_examples=50, deadline=None)
def test_window_stays_while_someone_types(length: int) -> None:
    starts = {window_start(SOURCE[:end], 1_200) for end in range(length, length + 300)}
    assert len(starts) <= 2
    for start in starts:
        assert start == 0 or SOURCE[start - 1] == "\n"
