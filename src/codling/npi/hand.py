"""The stand-in for an environment that a program holds while it is recorded, and recording by running again.

A program is a function of what it sees, so one needs no threads or generators to stop it in the middle of its work: to
know what it does after it has seen o0, o1, … o_t, run it from the start, answer its first calls with those
observations, and note the call that comes next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from codling.errors import TaskError

if TYPE_CHECKING:
    from codling.npi.environment import Action
    from codling.npi.program import Program
    from codling.npi.repertoire import Repertoire

__all__ = ["Hand", "Made", "Observation", "hand_class", "replay"]

Observation = tuple[int, ...]
"The index of the value of each feature, in the order of the environment; -1 for a feature that is not seen."

Made = tuple["Program[Any] | Action[Any, Any]", tuple[Any, ...]]
"A call as a program makes it: what it calls, and with which values."


class _Next(BaseException):
    """Carries a call out of a program; no Exception, so that no program catches it by mistake."""

    def __init__(self, callee: Program[Any] | Action[Any, Any], arguments: tuple[Any, ...]) -> None:
        self.callee, self.arguments = callee, arguments


class Hand:
    """What a program holds instead of its environment: features are read from a list of observations."""

    def __init__(self, program: Program[Any], history: list[Observation]) -> None:
        self._program = program
        self._history = history
        self._made: list[Made] = []
        self._at = 0
        self._seen = history[0]

    def _call(self, callee: Program[Any] | Action[Any, Any], arguments: tuple[Any, ...]) -> None:
        self._at += 1
        if self._at == len(self._history):
            raise _Next(callee, arguments)
        self._made.append((callee, arguments))
        self._seen = self._history[self._at]

    def __getattr__(self, name: str) -> NoReturn:
        raise TaskError(
            f"program {self._program.name} asks for {name!r}, neither a feature nor an action of its environment; "
            f"a program decides by what it can see, so make it a feature"
        )


def hand_class(repertoire: Repertoire) -> type[Hand]:
    """The kind of stand-in for one environment: a property per feature, a method per action."""
    members: dict[str, Any] = {}
    for index, feature in enumerate(repertoire.features):
        members[feature.name] = property(_reader(index, feature.name, feature.values))
    for callee in repertoire.actions:
        members[callee.name] = _noter(callee)
    return type("Hand", (Hand,), members)


def _reader(index: int, name: str, values: tuple[Any, ...]) -> Any:
    def read(hand: Hand) -> Any:
        value = hand._seen[index]
        if value < 0:
            raise TaskError(
                f"program {hand._program.name} looks at {name!r}, which it does not see; add it to its `sees`"
            )
        return values[value]

    return read


def _noter(action: Action[Any, Any]) -> Any:
    names = [argument.name for argument in action.arguments]

    def note(hand: Hand, *arguments: Any, **named: Any) -> None:
        if named:
            arguments += tuple(named[name] for name in names[len(arguments) :])
        hand._call(action, arguments)

    return note


def replay(
    hands: type[Hand],
    program: Program[Any],
    arguments: tuple[Any, ...],
    history: list[Observation],
    before: list[Made],
) -> Made | None:
    """What a program calls after it has seen these observations, the first on being called; None when it returns.

    Args:
        before: the calls that it made after each observation but the last, when it was asked then.

    Raises:
        TaskError: the program fails, looks at what it does not see, or does otherwise than before (it is not a function
            of what it sees).
    """
    hand = hands(program, history)
    following = None
    try:
        program.function(hand, *arguments)
    except _Next as call:
        following = call.callee, call.arguments
    except TaskError:
        raise
    except Exception as error:
        raise TaskError(f"program {program.name} fails: {type(error).__name__}: {error}") from error
    if hand._made != before:
        raise TaskError(
            f"program {program.name} did otherwise when it was run again; it may depend on what it sees only"
        )
    return following
