"""Programs: ordinary Python functions that call each other and the environment's actions.

::

    @program
    def add(grid: Grid) -> None:
        if grid.a is None and grid.b is None and not grid.carry:
            return
        add1(grid)
        shift(grid)
        add(grid)

A program decides by what it can see, nothing else: while it is recorded it holds a stand-in for the environment that
has the features and the actions only. So what it does next depends on its arguments and on what it has seen since it
was called, which is just what the network is given to imitate it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, overload

from codling.npi.environment import Argument, arguments_of
from codling.npi.hand import Hand

__all__ = ["Program", "program"]

P = ParamSpec("P")


class Program(Generic[P]):
    """A program; made by ``@program``."""

    def __init__(
        self,
        function: Callable[P, None],
        *,
        sees: tuple[str, ...] | None = None,
        name: str | None = None,
    ) -> None:
        self.function = function
        self.name = name or function.__name__
        self.sees = sees
        self.__doc__ = function.__doc__

    @functools.cached_property
    def arguments(self) -> tuple[Argument, ...]:
        return arguments_of(self.function, f"program {self.name}")

    @property
    def told_for(self) -> str | None:
        """Name of the environment that its annotation names, if it names one."""
        annotation = next(iter(self.function.__annotations__.values()), None)
        name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
        return name if name.isidentifier() and name not in ("Any", "None") else None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Run it on an environment; on a stand-in, the call is only noted."""
        environment, *arguments = args
        if kwargs:
            arguments += [kwargs[each.name] for each in self.arguments[len(arguments) :]]
        if isinstance(environment, Hand):
            environment._call(self, tuple(arguments))
        else:
            self.function(environment, *arguments)  # type: ignore[call-arg, arg-type]

    def __repr__(self) -> str:
        return f"<program {self.name}>"


@overload
def program(function: Callable[P, None], /) -> Program[P]: ...


@overload
def program(*, sees: Any = None, name: str | None = None) -> Callable[[Callable[P, None]], Program[P]]: ...


def program(function: Callable[P, None] | None = None, /, *, sees: Any = None, name: str | None = None) -> Any:
    """Make a program of a function.

    Args:
        sees: names of the features that the program looks at; the network is shown no others while it runs this
            program. Without it, all. Fewer features make fewer frames.
        name: what it is called in traces, if not as the function: for two versions of one program.
    """
    if function is None:
        return lambda decorated: Program(decorated, sees=None if sees is None else tuple(sees), name=name)
    return Program(function)
