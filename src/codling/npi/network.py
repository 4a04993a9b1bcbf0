"""A core out of a bundle: ONNX Runtime evaluates one step for a batch of running programs."""

# B batch, K observed values, A arguments, V values of an argument, P rows of programs, C callees of a task, H hidden

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from codling.errors import BundleError
from codling.npi.library import Ints, Library, Shelf

if TYPE_CHECKING:
    import onnxruntime as ort

__all__ = ["Choice", "Network", "Scores", "choose", "open_session"]

Floats = npt.NDArray[np.float32]


class Scores(NamedTuple):
    """What the network says, for each row of a batch."""

    stop_B: Floats
    "Probability of returning."
    programs_BP: Floats
    arguments_BAV: Floats


class Choice(NamedTuple):
    """What is done, for each row of a batch."""

    stop_B: npt.NDArray[np.bool_]
    callee_B: Ints
    "Index among the task's callees; of no meaning where it stops."
    values_BA: Ints
    "Index of each argument's value; 0 where there is no such argument."


class Network:
    """An ONNX session with its library. Safe to use from several threads at once (ONNX Runtime's sessions are)."""

    def __init__(self, graph: bytes, library: Library, where: str = "the network", threads: int = 1) -> None:
        """Open the graph.

        Args:
            threads: cores to use; more than one hardly pays for so small a network.

        Raises:
            BundleError: the graph is not one of these, or does not fit the library.
        """
        self.library = library
        self._session = open_session(graph, where, threads)
        inputs = {each.name: each.shape for each in self._session.get_inputs()}
        outputs = {each.name: each.shape for each in self._session.get_outputs()}
        self._states = sorted(name.removeprefix("state_in.") for name in inputs if name.startswith("state_in."))
        expected = {"program", "arguments", "observation", *(f"state_in.{name}" for name in self._states)}
        self._outputs = ["stop", "scores", "argument_scores", *(f"state_out.{name}" for name in self._states)]
        if set(inputs) != expected or not set(outputs).issuperset(self._outputs) or not self._states:
            raise BundleError(f"{where}: the graph's inputs and outputs are not those of a programmer-interpreter")
        if outputs["scores"][1:] != [len(library.programs)] or outputs["argument_scores"][1:] != [
            library.num_arguments,
            library.num_argument_values,
        ]:
            raise BundleError(f"{where}: the graph is not of the size that its library says; get the bundle again")
        self.state_shape: tuple[int, int] = (len(self._states), inputs[f"state_in.{self._states[0]}"][2])
        "Parts of the state (h and c of each layer), and H."

    def initial_state(self, batch: int) -> Floats:
        """The state in which every program starts: zeros, [parts, B, H]."""
        return np.zeros((self.state_shape[0], batch, self.state_shape[1]), np.float32)

    def step(self, program_B: Ints, arguments_BA: Ints, observation_BK: Ints, state: Floats) -> tuple[Scores, Floats]:
        """Evaluate one step of B running programs.

        Args:
            state: [parts, B, H]; not changed.

        Returns:
            Scores, and the state after the step.
        """
        feeds: dict[str, npt.NDArray[Any]] = {
            "program": program_B,
            "arguments": arguments_BA,
            "observation": observation_BK,
        }
        for index, name in enumerate(self._states):
            feeds[f"state_in.{name}"] = state[index : index + 1]
        stop, scores, arguments, *states = self._session.run(self._outputs, feeds)
        return Scores(stop, scores, arguments), np.concatenate(states)


def choose(scores: Scores, shelf: Shelf) -> Choice:
    """The likeliest decision of each row, among the programs and values that the task has."""
    callee_B = scores.programs_BP[:, shelf.rows_C].argmax(1)
    values_BA = (scores.arguments_BAV + shelf.value_mask_CAV[callee_B]).argmax(2)
    return Choice(scores.stop_B >= 0.5, callee_B, values_BA)


def open_session(graph: bytes, where: str, threads: int) -> ort.InferenceSession:
    """Hand a graph to ONNX Runtime.

    Raises:
        BundleError: it is none, or needs operators that this ONNX Runtime lacks.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own kinds for each way in which a graph can be damaged
        raise BundleError(f"{where}: ONNX Runtime cannot open the graph ({type(error).__name__})") from None
