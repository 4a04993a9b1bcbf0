"""A language model out of a bundle: tokens and a state in, log-probabilities and the next state out."""

# B batch, T time, V vocabulary

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from codling.bundle import Bundle, Card, load_bundle
from codling.errors import BundleError, ShapeError
from codling.vocab import Vocab, read_vocab

if TYPE_CHECKING:
    import onnxruntime as ort

__all__ = ["Model", "State", "load_model", "pick_rows", "stack_states"]

State = dict[str, npt.NDArray[np.float32]]
"""Recurrent state by name; the batch axis is where the card's state row says -1. Never changed in place: a state may be
kept and continued from any number of times."""


class Model:
    """A language model, ready to run. Safe to use from several threads at once (ONNX Runtime's sessions are)."""

    def __init__(self, card: Card, vocab: Vocab, session: ort.InferenceSession) -> None:
        self.card = card
        self.vocab = vocab
        self._session = session
        self._state_names = tuple(row.name for row in card.states)
        self._outputs = ["log_probs", *(f"state_out.{name}" for name in self._state_names)]
        expected = {"tokens", *(f"state_in.{name}" for name in self._state_names)}
        inputs = {row.name for row in session.get_inputs()}
        outputs = {row.name for row in session.get_outputs()}
        if inputs != expected or not outputs.issuperset(self._outputs):
            raise BundleError(
                f"bundle {card.name}: the graph's inputs and outputs are not those that its card describes"
            )
        shapes = {row.name: row.shape for row in session.get_inputs()}
        for state in card.states:  # a free axis has a name or None in the graph, and -1 in the card
            graph = tuple(size if isinstance(size, int) else -1 for size in shapes[f"state_in.{state.name}"])
            if graph != state.shape or state.shape.count(-1) != 1:
                raise BundleError(
                    f"bundle {card.name}: the card gives state {state.name!r} the shape {list(state.shape)}, "
                    f"the graph {list(graph)}; get the bundle again"
                )

    @property
    def name(self) -> str:
        return self.card.name

    def initial_state(self, batch: int = 1) -> State:
        """The state before a document's first token (which is DOC): zeros."""
        return {
            row.name: np.zeros([batch if size == -1 else size for size in row.shape], np.float32)
            for row in self.card.states
        }

    def run(
        self, tokens_BT: npt.NDArray[np.int64] | Sequence[Sequence[int]], state: State
    ) -> tuple[npt.NDArray[np.float32], State]:
        """Read a window of tokens after a state.

        Args:
            tokens_BT: ids in [0, V), at least one per row.
            state: for the same batch size; left unchanged.

        Returns:
            Log-probabilities in nats of each token's successor, float32 [B, T, V], and the state after the last token.

        Raises:
            ShapeError: the tokens are not [B, T] with T > 0, or the state was made for another batch size.
        """
        tokens_BT = np.asarray(tokens_BT, np.int64)
        if tokens_BT.ndim != 2 or tokens_BT.size == 0:
            raise ShapeError(f"tokens must be [batch, time] and not empty, not {list(tokens_BT.shape)}")
        feeds: dict[str, npt.NDArray[np.generic]] = {"tokens": tokens_BT}
        for row in self.card.states:
            array = state[row.name]
            if array.shape[row.shape.index(-1)] != tokens_BT.shape[0]:
                raise ShapeError(
                    f"{tokens_BT.shape[0]} rows of tokens, but a state for {array.shape[row.shape.index(-1)]}"
                )
            feeds[f"state_in.{row.name}"] = array
        log_probs, *states = self._session.run(self._outputs, feeds)
        return log_probs, dict(zip(self._state_names, states, strict=True))


def load_model(bundle: Bundle | str | Path, threads: int = 1) -> Model:
    """Load a bundle's language model.

    Args:
        bundle: a loaded bundle, or a name or path for load_bundle.
        threads: cores that one call may use. A keystroke's step is too small to share, so 1 is fastest for completion.

    Raises:
        BundleError: the bundle or its graph is damaged, or no language model.
    """
    import onnxruntime as ort

    if not isinstance(bundle, Bundle):
        bundle = load_bundle(bundle)
    if bundle.card.kind != "lm":
        raise BundleError(f"bundle {bundle.name} is of kind {bundle.card.kind!r}, not a language model")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; warnings would go to the user's stderr
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # an idle server must cost no CPU
    # The graph goes in as bytes, so that it cannot name files outside the bundle as external data.
    try:
        graph = bundle.file("model.onnx").read_bytes()
    except OSError as error:  # another was put in its place since it was checked
        raise BundleError(f"bundle {bundle.path}: model.onnx cannot be read ({error.strerror}); try again") from None
    try:
        session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen types, all of which mean this
        raise BundleError(
            f"bundle {bundle.path}: ONNX Runtime refuses model.onnx: {str(error).splitlines()[0]}"
        ) from None
    vocab = read_vocab(bundle.file("vocab.json"))
    return Model(bundle.card, vocab, session)


def pick_rows(card: Card, state: State, rows: Sequence[int]) -> State:
    """Gather rows of a batch of states, in order; a row may be picked more than once (a beam that forks)."""
    return {row.name: np.take(state[row.name], rows, axis=row.shape.index(-1)) for row in card.states}


def stack_states(card: Card, states: Sequence[State]) -> State:
    """Put states of several batches side by side along the batch axis."""
    return {
        row.name: np.concatenate([state[row.name] for state in states], axis=row.shape.index(-1)) for row in card.states
    }
