"""What one task consists of, by index: features, programs, actions, arguments. The teacher answers in these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from codling.errors import TaskError
from codling.npi.environment import Action, Argument, Environment, Feature
from codling.npi.hand import Made, Observation, hand_class, replay
from codling.npi.program import Program

__all__ = ["Call", "Repertoire"]


class Call(NamedTuple):
    """A call of a program or an action: its index among the callees, and the index of each argument's value."""

    callee: int
    arguments: tuple[int, ...]


class Repertoire:
    """The features, programs and actions of one task, each with an index; programs come before actions."""

    def __init__(self, environment: type[Environment], programs: Iterable[Program[Any]]) -> None:
        """Collect them.

        Raises:
            TaskError: an annotation that names no values, a program that sees an unknown feature, two of one name.
        """
        self.environment = environment
        self.features: tuple[Feature[Any], ...] = tuple(_members(environment, Feature))
        self.actions: tuple[Action[Any, Any], ...] = tuple(_members(environment, Action))
        self.programs: tuple[Program[Any], ...] = tuple(programs)
        self.callees: tuple[Program[Any] | Action[Any, Any], ...] = (*self.programs, *self.actions)
        self.feature_named = {feature.name: feature for feature in self.features}
        self._check()
        self.arguments: tuple[tuple[Argument, ...], ...] = tuple(callee.arguments for callee in self.callees)
        self._index_of = {id(callee): index for index, callee in enumerate(self.callees)}
        self._value_index = [{value: index for index, value in enumerate(each.values)} for each in self.features]
        self._readers = [(each.function, known) for each, known in zip(self.features, self._value_index, strict=True)]
        self._hands = hand_class(self)
        self._made: dict[Call, Made] = {}
        self.seen = tuple(self._seen_by(each) for each in self.programs)

    def _check(self) -> None:
        where = self.environment.__name__
        if not self.features or not self.actions or not self.programs:
            raise TaskError(f"{where} needs a @feature, an @action and a @program at least")
        names = [callee.name for callee in self.callees] + [each.name for each in self.features]
        for name in names:
            if names.count(name) > 1:
                raise TaskError(f"{where} and its programs have {name!r} twice; give them different names")
        for program in self.programs:
            for name in program.sees or ():
                if name not in self.feature_named or self.feature_named[name].ghost:
                    raise TaskError(f"program {program.name} sees {name!r}, which is no feature of {where}")

    def _seen_by(self, program: Program[Any]) -> tuple[bool, ...]:
        return tuple(
            not feature.ghost and (program.sees is None or feature.name in program.sees) for feature in self.features
        )

    def is_action(self, callee: int) -> bool:
        return callee >= len(self.programs)

    def observe(self, environment: Environment) -> Observation:
        """Look at an environment: the index of each feature's value, ghosts included."""
        try:
            return tuple([known[function(environment)] for function, known in self._readers])
        except (KeyError, TypeError):
            for each, known in zip(self.features, self._value_index, strict=True):
                value = each.function(environment)
                if value not in known:
                    raise TaskError(
                        f"feature {each.name} of {self.environment.__name__} gave {value!r}, none of its values"
                    ) from None
            raise

    def mask(self, program: int, observation: Observation) -> Observation:
        """The observation as a program sees it."""
        return tuple([value if seen else -1 for value, seen in zip(observation, self.seen[program], strict=True)])

    def call(self, callee: Program[Any] | Action[Any, Any], arguments: tuple[Any, ...]) -> Call:
        """Indices of a call.

        Raises:
            TaskError: a program that the task does not list, or an argument out of its values.
        """
        index = self._index_of.get(id(callee))
        if index is None:
            raise TaskError(f"program {callee.name} is called, but the task does not list it in its programs")
        expected = self.arguments[index]
        if len(arguments) != len(expected):
            raise TaskError(
                f"{callee.name} takes {len(expected)} arguments behind the environment, not {len(arguments)}"
            )
        try:
            return Call(index, tuple([each.index[value] for each, value in zip(expected, arguments, strict=True)]))
        except (KeyError, TypeError):
            raise TaskError(f"{callee.name} is called with {arguments!r}, which its annotations do not allow") from None

    def values(self, call: Call) -> tuple[Any, ...]:
        """The arguments of a call as values."""
        return tuple(
            argument.values[index] for argument, index in zip(self.arguments[call.callee], call.arguments, strict=True)
        )

    def decide(
        self, program: int, arguments: tuple[int, ...], history: list[Observation], before: list[Call | None]
    ) -> Call | None:
        """The teacher's answer: what the program calls next after what it has seen, or None when it returns.

        Args:
            before: its answers to each part of the history that begins where that does, the shortest first.

        Raises:
            TaskError: the program fails, or does not do again what it did before.
        """
        values = self.values(Call(program, arguments))
        made = [self._as_made(each) for each in before if each is not None]
        answer = replay(self._hands, self.programs[program], values, history, made)
        return None if answer is None else self.call(*answer)

    def _as_made(self, call: Call) -> Made:
        found = self._made.get(call)
        if found is None:
            found = self._made[call] = (self.callees[call.callee], self.values(call))
        return found

    def act(self, environment: Environment, call: Call) -> None:
        """Perform a primitive action."""
        action = self.actions[call.callee - len(self.programs)]
        action.function(environment, *self.values(call))

    def text(self, call: Call) -> str:
        """A call as people write it: ``write(carry, 1)``."""
        return f"{self.callees[call.callee].name}({', '.join(str(value) for value in self.values(call))})"

    def signature(self) -> dict[str, Any]:
        """Names and values of everything, as plain data; what a trained network was made for."""
        return {
            "environment": self.environment.__name__,
            "features": [
                {"name": each.name, "values": [_plain(value) for value in each.values], "ghost": each.ghost}
                for each in self.features
            ],
            "programs": [
                {
                    "name": callee.name,
                    "action": self.is_action(index),
                    "sees": None if self.is_action(index) else _sees(callee),
                    "arguments": [
                        {"name": each.name, "values": [_plain(value) for value in each.values]}
                        for each in self.arguments[index]
                    ],
                }
                for index, callee in enumerate(self.callees)
            ],
        }

    def fingerprint(self) -> str:
        """SHA-256 of the signature, in hexadecimal."""
        return hashlib.sha256(json.dumps(self.signature(), sort_keys=True).encode()).hexdigest()


def _sees(callee: Any) -> list[str] | None:
    return None if callee.sees is None else list(callee.sees)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _members(environment: type[Environment], kind: type) -> list[Any]:
    """Members of a kind in the order in which they were written, those of base classes first."""
    found: dict[str, Any] = {}
    for each in reversed(environment.__mro__):
        found |= {name: member for name, member in vars(each).items() if isinstance(member, kind)}
    return list(found.values())
