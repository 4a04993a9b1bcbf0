"""The program memory: which row of the network's tables stands for which program, argument and observed value.

Programs and actions of the same environment and name share a row in all tasks, and so do values of the same feature; a
task that is added later gets rows behind those that are there, which leaves what was learned as it is.
"""

# B batch, K observed values, A arguments, V values of an argument, P rows of programs, C callees of a task

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from codling.errors import TaskError
from codling.npi.frames import Frames
from codling.npi.hand import Observation
from codling.npi.program import Program
from codling.npi.repertoire import Call, Repertoire
from codling.npi.task import Task

__all__ = ["Library", "Shelf"]

Ints = npt.NDArray[np.int64]


@dataclass(kw_only=True)
class Library:
    """Rows of the tables, for the tasks that a network knows."""

    programs: list[str] = field(default_factory=list)
    'Keys of the rows of programs and actions: "Grid.add1".'
    values: list[str] = field(default_factory=lambda: ["nothing"])
    'Keys of the rows of observed values: "Grid.carry=True"; row 0 stands for a feature that is not seen.'
    num_features: int = 0
    "K: values per observation; tasks with fewer features are filled up with row 0."
    num_arguments: int = 1
    "A: arguments of the program or action that has the most."
    num_argument_values: int = 1
    "V: values of the argument that has the most."

    def add(self, task: Task, *, frozen: bool = False) -> None:
        """Give rows to what is new in a task.

        Args:
            frozen: the network's own sizes stay as they are.

        Raises:
            TaskError: frozen, and the task has more features, arguments or values than the network was made for.
        """
        repertoire = task.repertoire
        visible = [feature for feature in repertoire.features if not feature.ghost]
        arguments = [each for per_callee in repertoire.arguments for each in per_callee]
        sizes = {
            "num_features": len(visible),
            "num_arguments": max(map(len, repertoire.arguments)),
            "num_argument_values": max((len(each.values) for each in arguments), default=1),
        }
        for name, needed in sizes.items():
            if needed > getattr(self, name):
                if frozen:
                    what = name.removeprefix("num_").replace("_", " ")
                    raise TaskError(f"{task.name} needs {needed} {what}; the frozen core has {getattr(self, name)}")
                setattr(self, name, needed)
        known = set(self.programs)
        self.programs += [key for key in _program_keys(repertoire) if key not in known]
        known = set(self.values)
        for feature in visible:
            keys = (_value_key(repertoire, feature.name, value) for value in feature.values)
            self.values += [key for key in keys if key not in known]

    def copy(self) -> Library:
        return Library.from_json(self.to_json())

    def to_json(self) -> dict[str, Any]:
        return {
            "programs": list(self.programs),
            "values": list(self.values),
            "num_features": self.num_features,
            "num_arguments": self.num_arguments,
            "num_argument_values": self.num_argument_values,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Library:
        return cls(**data)


class Shelf:
    """One task's place in a library: translates its indices into the network's rows."""

    def __init__(self, library: Library, task: Task) -> None:
        """Look the task up.

        Raises:
            TaskError: the library lacks something of it.
        """
        self.library, self.task, self.repertoire = library, task, task.repertoire
        program_rows = {key: row for row, key in enumerate(library.programs)}
        value_rows = {key: row for row, key in enumerate(library.values)}
        try:
            self.rows_C: Ints = np.array([program_rows[key] for key in _program_keys(self.repertoire)], np.int64)
            self._visible = [index for index, each in enumerate(self.repertoire.features) if not each.ghost]
            self._value_rows = [
                [0, *(value_rows[_value_key(self.repertoire, each.name, value)] for value in each.values)]
                if not each.ghost
                else [0] * (len(each.values) + 1)
                for each in self.repertoire.features
            ]
        except KeyError as error:
            raise TaskError(f"the network was not trained for {task.name}: it has no {error.args[0]!r}") from None
        self.allowed_P = np.zeros(len(library.programs), bool)
        self.allowed_P[self.rows_C] = True
        self.num_arguments_C = np.array([len(each) for each in self.repertoire.arguments])
        shape = (len(self.rows_C), library.num_arguments, library.num_argument_values)
        self.value_mask_CAV = np.full(shape, -np.inf, np.float32)
        "0 for the values that an argument may have, else minus infinity; an argument that is none has one value, 0."
        for callee, arguments in enumerate(self.repertoire.arguments):
            for index in range(library.num_arguments):
                size = len(arguments[index].values) if index < len(arguments) else 1
                self.value_mask_CAV[callee, index, :size] = 0
        self._encoded: dict[Observation, tuple[int, ...]] = {}

    def observation(self, observation: Observation) -> tuple[int, ...]:
        """K rows for an observation as a program sees it: -1 for what it does not see."""
        found = self._encoded.get(observation)
        if found is None:
            rows = [self._value_rows[index][observation[index] + 1] for index in self._visible]
            found = self._encoded[observation] = (*rows, *[0] * (self.library.num_features - len(rows)))
        return found

    def arguments(self, call: Call) -> list[int]:
        """A rows for the arguments of a call; those of argument a start at a (V + 1), and the first stands for none."""
        width = self.library.num_argument_values + 1
        given = [index * width + value + 1 for index, value in enumerate(call.arguments)]
        return given + [index * width for index in range(len(given), self.library.num_arguments)]

    def observations_of(self, frames: Frames) -> Ints:
        """Rows of all observations of a tree of frames, [observations, K]."""
        rows = [self.observation(each) for each in frames.observations]
        return np.array(rows, np.int64).reshape(-1, self.library.num_features)

    def decisions_of(self, frames: Frames) -> tuple[Ints, Ints]:
        """Callee of each decision, -1 for return, and its arguments, [decisions] and [decisions, A]."""
        callees = np.array([-1 if each is None else each.callee for each in frames.decisions], np.int64)
        arguments = np.zeros((len(callees), self.library.num_arguments), np.int64)
        for row, each in enumerate(frames.decisions):
            if each is not None:
                arguments[row, : len(each.arguments)] = each.arguments
        return callees, arguments

    def calls_of(self, frames: Frames) -> tuple[Ints, Ints]:
        """Program row and argument rows of each call of a tree of frames, [calls] and [calls, A]."""
        programs = self.rows_C[[call.callee for call in frames.calls]]
        arguments = np.array([self.arguments(call) for call in frames.calls], np.int64)
        return programs, arguments.reshape(len(programs), self.library.num_arguments)


def _program_keys(repertoire: Repertoire) -> list[str]:
    """Keys by the class that something was first told for, so that an environment built upon another one shares its
    rows: of programs, the class in their annotation; of actions, the base class that has it already."""
    keys = []
    for callee in repertoire.callees:
        if isinstance(callee, Program):
            keys.append(f"{callee.told_for or repertoire.environment.__name__}.{callee.name}")
        else:
            keys.append(f"{_first_owner(repertoire, callee.name)}.{callee.name}")
    return keys


def _value_key(repertoire: Repertoire, feature: str, value: Any) -> str:
    return f"{_first_owner(repertoire, feature)}.{feature}={value}"


def _first_owner(repertoire: Repertoire, name: str) -> str:
    return [each.__name__ for each in repertoire.environment.__mro__ if name in vars(each)][-1]
