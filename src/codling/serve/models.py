"""The models that a server offers: which there are, and each loaded once, when it is first asked for."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codling.bundle import Card, default_model, list_bundles, load_bundle
from codling.complete import Completer
from codling.complete.described import ProgramWriter
from codling.config import to_mapping
from codling.errors import BundleError, nearest
from codling.serve.messages import CompleteRequest, ModelList, ModelRow
from codling.serve.workspace import Workspace
from codling.types import Completion, Kind

__all__ = ["Shelf", "UnknownModelError", "answer"]


def answer(
    completer: Completer,
    message: CompleteRequest,
    *,
    kind: Kind | None = None,
    programs: ProgramWriter | None = None,
    budget_ms: float,
    cancelled: Callable[[], bool],
) -> Completion:
    """What a model suggests to a request, whatever protocol that came over.

    Args:
        kind: how far suggestions reach; None for what the message says.
        programs: writes them from descriptions, where the message wants that.
        budget_ms: time after which what has been found is the answer.
    """
    return completer.complete(
        message.prefix,
        message.suffix,
        kind=kind or message.kind,
        limit=message.limit,
        language=message.language,
        path=message.path,
        temperature=message.temperature,
        in_comments=message.in_comments,
        programs=programs if message.from_comments else None,
        budget_ms=budget_ms,
        cancelled=cancelled,
    )


class UnknownModelError(BundleError):
    """A model was asked for that this server does not have, or cannot load."""


@dataclass(frozen=True)
class _Place:
    path: Path
    card: Card


class Shelf:
    """Models by name. Clients choose among these names only: a name in a request is never taken for a path."""

    def __init__(
        self,
        chosen: Sequence[str] = (),
        threads: int = 1,
        make: Callable[..., Completer] = Completer,
        project: Path | None = None,
    ) -> None:
        """Args:
            chosen: names or paths of bundles, loaded now; the first is the default. When there are none, every
                language model in the usual places is offered, and the default is the one that default_model names.
            threads: cores that one call of a model may use.
            make: loads a completer from a bundle's path and that number of threads, for a project if there is one.
            project: folder of the project that clients work in; None for none.

        Raises:
            BundleError: a chosen bundle is missing, damaged or no language model, or there is none at all.
        """
        self._threads = threads
        self._make = make
        self._lock = threading.Lock()
        self._project = project
        self._workspaces: dict[str, Workspace] = {}
        self._completers: dict[str, Completer] = {}
        self._places: dict[str, _Place] = {}
        if chosen:
            for bundle in map(load_bundle, chosen):
                self._places[_unused(bundle.name, self._places)] = _Place(bundle.path, bundle.card)
            self.default = next(iter(self._places))
        else:
            self._places = {
                path.name: _Place(path, card)
                for path, card in list_bundles()
                if isinstance(card, Card) and card.kind == "lm"
            }
            if not self._places:
                raise BundleError("there is no language model to serve; train one, or name one with --model")
            self.default = default_model()
        for name in self._places if chosen else (self.default,):
            self.completer(name)

    def completer(self, name: str) -> Completer:
        """The model of a name, loaded if need be. Safe to call from several threads.

        Raises:
            UnknownModelError: there is none of that name, or its bundle is damaged.
        """
        place = self._place(name)
        loaded = self._completers.get(name)
        if loaded is not None:
            if name in self._workspaces:
                self._workspaces[name].touch()
            return loaded
        with self._lock:  # of several requests for a model that is not there yet, one loads it
            if name not in self._completers:
                try:
                    self._completers[name] = self._load(name, place.path)
                except BundleError as error:
                    raise UnknownModelError(str(error)) from None
            return self._completers[name]

    def saved(self, path: str) -> None:
        """Take note that a file of the project was saved, made or deleted."""
        for workspace in list(self._workspaces.values()):
            workspace.cache.saved(path)

    def close(self) -> None:
        """Keep what is known of the project for the next session."""
        for workspace in self._workspaces.values():
            workspace.close()

    def _load(self, name: str, path: Path) -> Completer:
        if self._project is None:
            return self._make(path, self._threads)
        completer = self._make(path, self._threads, project=self._project, read_project=False)
        if completer.project is not None:
            self._workspaces[name] = Workspace(completer.project)
        return completer

    def check(self, name: str | None, language: str | None = None) -> str:
        """The name that a request means, without loading anything.

        Args:
            name: None for the default, or for the first model that knows the language if the default does not.

        Raises:
            UnknownModelError: there is none of that name.
        """
        if name is None:
            knowing = [name for name, place in self._places.items() if language in place.card.languages]
            return self.default if self.default in knowing or not knowing else min(knowing, key=self._rank(language))
        self._place(name)
        return name

    @staticmethod
    def _rank(language: str | None) -> Callable[[str], tuple[bool, str]]:
        return lambda name: (name != language, name)  # the one that is called as the language comes first

    def list(self) -> ModelList:
        rows = [
            ModelRow(
                name=name,
                description=place.card.description,
                languages=list(place.card.languages),
                bytes=_num_bytes(place.card),
            )
            for name, place in self._places.items()
        ]
        return ModelList(default=self.default, models=rows)

    def card(self, name: str) -> dict[str, Any]:
        """A model's card as plain data, with its size."""
        card = self._place(name).card
        return to_mapping(card) | {"name": name, "bytes": _num_bytes(card)}

    def _place(self, name: str) -> _Place:
        place = self._places.get(name)
        if place is None:
            raise UnknownModelError(f"no model {name!r}{nearest(name, self._places)}")
        return place


def _unused(name: str, used: Collection[str]) -> str:
    """The name, numbered when it is taken: two runs of one preset may be served side by side."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(candidate for candidate in names if candidate not in used)


def _num_bytes(card: Card) -> int:
    return sum(row.bytes for row in card.files.values())
