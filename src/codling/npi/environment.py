"""Environments: what a program acts upon, what it can see of it, and what its primitive actions may change.

An environment is an ordinary class. Methods marked ``@feature`` are what programs and the network see of it; their
values come from a small set that the return annotation names. Methods marked ``@action`` are the primitive actions::

    Digit = Annotated[int, range(10)]

    class Counter(Environment):
        def __init__(self, ones: int) -> None:
            self.ones = ones

        @feature
        def digit(self) -> Digit:
            return self.ones

        @action(changes=["digit"])
        def write(self, digit: Digit) -> None:
            self.ones = digit

An action says which features it may change. From that alone, not from examples, the set of all that can ever be seen is
derived (`codling.npi.reach`), and it is checked on examples that the environment keeps its word
(`codling.npi.abstraction`).
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, overload

from codling.errors import TaskError, nearest
from codling.npi.view import View

__all__ = ["ANY", "Action", "Argument", "Environment", "Feature", "action", "domain_of", "feature"]

T = TypeVar("T")
E = TypeVar("E", bound="Environment")
P = ParamSpec("P")

MAX_VALUES = 256
"Of one feature or argument: the network has a row for each, and the frames multiply."


class _Any:
    """Stands for all values of a feature."""

    def __repr__(self) -> str:
        return "ANY"


ANY = _Any()
"In the effect of an action: the feature may take any of its values."

Effect = Mapping[str, "Collection[Hashable] | _Any"]
Changes = Sequence[str] | Callable[..., Effect]


class Argument:
    """One argument of a program or an action: its name and the values it may take."""

    def __init__(self, name: str, values: tuple[Any, ...]) -> None:
        self.name = name
        self.values = values
        self.index = {value: index for index, value in enumerate(values)}


class Feature(Generic[T]):
    """One thing that can be seen of an environment; made by ``@feature``."""

    def __init__(self, function: Callable[[Any], T], *, ghost: bool = False) -> None:
        self.function = function
        self.name = function.__name__
        self.ghost = ghost
        self.__doc__ = function.__doc__

    @functools.cached_property
    def values(self) -> tuple[Any, ...]:
        """All values that it can take, in the order of its annotation."""
        where = f"feature {self.function.__qualname__}"
        return domain_of(_annotation(self.function, "return", where), where)

    @overload
    def __get__(self, environment: None, owner: type) -> Feature[T]: ...

    @overload
    def __get__(self, environment: Environment, owner: type) -> T: ...

    def __get__(self, environment: Environment | None, owner: type) -> Feature[T] | T:
        return self if environment is None else self.function(environment)


class Action(Generic[E, P]):
    """A primitive action; made by ``@action``."""

    def __init__(self, function: Callable[Concatenate[E, P], None], changes: Changes | None) -> None:
        self.function = function
        self.name = function.__name__
        self.changes = changes
        self.__doc__ = function.__doc__

    @functools.cached_property
    def arguments(self) -> tuple[Argument, ...]:
        return arguments_of(self.function, f"action {self.function.__qualname__}")

    @overload
    def __get__(self, environment: None, owner: type) -> Action[E, P]: ...

    @overload
    def __get__(self, environment: E, owner: type) -> Callable[P, None]: ...

    def __get__(self, environment: E | None, owner: type) -> Action[E, P] | Callable[P, None]:
        return self if environment is None else functools.partial(self.function, environment)

    def effect(self, features: Mapping[str, Feature[Any]], arguments: tuple[Any, ...]) -> dict[str, tuple[Any, ...]]:
        """Which features the action may change with these arguments, and to which values.

        Raises:
            TaskError: it names a feature or a value that there is not.
        """
        changes = self.changes
        if changes is None:
            return {name: each.values for name, each in features.items()}
        effect: Effect = changes(*arguments) if callable(changes) else dict.fromkeys(changes, ANY)
        found: dict[str, tuple[Any, ...]] = {}
        for name, values in effect.items():
            if name not in features:
                raise TaskError(f"action {self.name} says it changes {name!r}, no feature{nearest(name, features)}")
            known = features[name].values
            found[name] = known if isinstance(values, _Any) else tuple(values)
            for value in found[name]:
                if value not in known:
                    raise TaskError(
                        f"action {self.name} says it may set {name} to {value!r}, which is none of its values"
                    )
        return found


class Environment:
    """Base of all environments; made anew for every problem."""

    def result(self) -> str:
        """What stands there when the program has ended, in words: the answer to the problem."""
        raise NotImplementedError

    def view(self) -> View:
        """What there is to see for people: rows of cells with cursors, for the terminal and the page."""
        return View()

    @classmethod
    def possible(cls, **seen: Any) -> bool:  # noqa: ARG003 - for subclasses
        """Whether these values of all features can stand together: an invariant of the environment.

        What it rules out is not looked at by the proof, so it must hold in every state; this is checked on examples.
        """
        return True


@overload
def feature(function: Callable[[Any], T], /) -> Feature[T]: ...


@overload
def feature(*, ghost: bool) -> Callable[[Callable[[Any], T]], Feature[T]]: ...


def feature(function: Callable[[Any], T] | None = None, /, *, ghost: bool = False) -> Any:
    """Mark a method as something that programs see; its annotation names all its values: bool, Literal or Annotated.

    Args:
        ghost: neither programs nor the network see it, but the proof keeps account of it, which can make it sharper.
    """
    if function is None:
        return functools.partial(Feature, ghost=ghost)
    return Feature(function)


@overload
def action(function: Callable[Concatenate[E, P], None], /) -> Action[E, P]: ...


@overload
def action(*, changes: Changes) -> Callable[[Callable[Concatenate[E, P], None]], Action[E, P]]: ...


def action(function: Callable[..., None] | None = None, /, *, changes: Changes | None = None) -> Any:
    """Mark a method as a primitive action; annotations name the values of its arguments.

    Args:
        changes: names of the features that it may change, or a function from its arguments to a mapping of those names
            to the values they may take afterwards (`ANY` for all). Without it, it may change everything.
    """
    if function is None:
        return lambda method: Action(method, changes)
    return Action(function, changes)


def domain_of(annotation: Any, where: str) -> tuple[Any, ...]:
    """All values of an annotation: ``bool``, ``Literal[...]``, or ``Annotated[int, range(10)]``.

    Raises:
        TaskError: another annotation, none, or more than 256 values.
    """
    values: Iterable[Any]
    origin = typing.get_origin(annotation)
    if annotation is bool:
        values = (False, True)
    elif origin is Literal:
        values = typing.get_args(annotation)
    elif origin is Annotated and isinstance(typing.get_args(annotation)[1], Iterable):
        values = typing.get_args(annotation)[1]
    else:
        raise TaskError(
            f"{where} needs an annotation that names its values: bool, Literal[...] or Annotated[int, range(10)]"
        )
    found = tuple(dict.fromkeys(values))
    if not 1 <= len(found) <= MAX_VALUES:
        raise TaskError(f"{where} has {len(found):,} values; 1 to {MAX_VALUES} can be told apart")
    return found


def arguments_of(function: Callable[..., Any], where: str) -> tuple[Argument, ...]:
    """The arguments behind the first one, which is the environment."""
    code = function.__code__
    names = code.co_varnames[1 : code.co_argcount]
    if code.co_kwonlyargcount or code.co_flags & 0x0C:  # *args, **kwargs
        raise TaskError(f"{where} takes plain positional arguments only")
    return tuple(
        Argument(name, domain_of(_annotation(function, name, where), f"argument {name} of {where}")) for name in names
    )


def _annotation(function: Callable[..., Any], name: str, where: str) -> Any:
    """One annotation of a function; the others, of classes made inside a function perhaps, are left alone."""
    annotation = function.__annotations__.get(name)
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, function.__globals__)  # as typing.get_type_hints does; it is the task's own code
    except NameError as error:
        raise TaskError(f"{where}: its annotation names what its module does not have ({error})") from None
