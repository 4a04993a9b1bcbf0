"""A bundle of learned programs: the network, the tasks that it knows, and what was proved of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codling.bundle import Bundle, load_bundle
from codling.config import from_mapping, to_mapping
from codling.errors import BundleError, CodlingError, TaskError, nearest
from codling.npi.decider import Evaluate, Remember
from codling.npi.interpreter import MAX_STEPS, Outcome, interpret
from codling.npi.library import Library, Shelf
from codling.npi.network import Network
from codling.npi.reach import reach
from codling.npi.task import Problem, Task
from codling.npi.verify import Certificate

__all__ = ["KIND", "SHIPPED", "Interpreter", "Known", "load_interpreter", "write_known"]

KIND = "npi"
"Of the card of such a bundle."

SHIPPED = "npi"
"Name of the bundle that ships."

_FILE = "npi.json"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a bundle says of one task."""

    recursion: str
    signature_sha256: str
    certificate: Certificate | None
    reason: str = ""
    "Why there is no certificate."


class Interpreter:
    """Runs the tasks of a bundle. Safe to use from several threads at once."""

    def __init__(self, bundle: Bundle, network: Network, known: dict[str, Known], model_sha256: str) -> None:
        self.bundle, self.network, self.known, self.model_sha256 = bundle, network, known, model_sha256

    @property
    def name(self) -> str:
        return self.bundle.name

    def check(self, task: Task) -> Known:
        """What the bundle knows of a task.

        Raises:
            TaskError: nothing, or of another version of it.
        """
        known = self.known.get(task.name)
        if known is None:
            raise TaskError(f"bundle {self.name} has not learned {task.name!r}{nearest(task.name, self.known)}")
        if known.recursion != task.recursion:
            raise TaskError(f"bundle {self.name} learned {task.name} with recursion {known.recursion!r}")
        if known.signature_sha256 != task.repertoire.fingerprint():
            raise TaskError(
                f"bundle {self.name} learned another version of {task.name}: its features, programs or arguments have "
                f"changed since; train it again with `codling npi train`"
            )
        return known

    def is_verified(self, task: Task) -> bool:
        """Whether a certificate speaks of this task and of the very graph that runs here."""
        certificate = self.check(task).certificate
        if (
            certificate is None
            or certificate.model_sha256 != self.model_sha256
            or certificate.signature_sha256 != task.repertoire.fingerprint()
        ):
            return False
        # In a user's own file programs may do something else by now under the same names; what ships, ships together.
        return task.file is None or self._frames_of(task) == certificate.frames_sha256

    def _frames_of(self, task: Task) -> str:
        """Digest of what a task's programs do in every frame; empty where that has no end any more."""
        try:
            return reach(task).digest()
        except TaskError:
            return ""

    def solve(
        self,
        task: Task,
        problems: Sequence[Problem],
        *,
        max_steps: int = MAX_STEPS,
        remember: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Outcome]:
        """Run a task on problems, in step.

        Args:
            max_steps: decisions that each may take.
            remember: evaluate the network once for each history of a call, instead of for every decision.
        """
        self.check(task)
        shelf = Shelf(self.network.library, task)
        decider = (Remember if remember else Evaluate)(self.network, shelf)
        return interpret(self.network, task, problems, max_steps=max_steps, decider=decider, progress=progress)


def load_interpreter(name_or_path: str | Path = SHIPPED, *, threads: int = 1) -> Interpreter:
    """Open a bundle of learned programs.

    Raises:
        BundleError: there is none, it is damaged, or it is a bundle of something else.
    """
    bundle = load_bundle(name_or_path)
    where = f"bundle {bundle.path}"
    if bundle.card.kind != KIND:
        raise BundleError(f"{where} is of kind {bundle.card.kind!r}, not {KIND!r}: it holds no learned programs")
    graph = bundle.file("model.onnx").read_bytes()
    try:
        data = json.loads(bundle.file(_FILE).read_text(encoding="utf-8"))
        library = Library.from_json(data["library"])
        known = {name: from_mapping(Known, row, f"tasks.{name}") for name, row in data["tasks"].items()}
    except CodlingError as error:
        raise BundleError(f"{where}: {_FILE} is damaged ({error}); get the bundle again") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(
            f"{where}: {_FILE} is damaged ({type(error).__name__}: {error}); get the bundle again"
        ) from None
    return Interpreter(bundle, Network(graph, library, where, threads), known, hashlib.sha256(graph).hexdigest())


def write_known(library: Library, known: dict[str, Known]) -> bytes:
    """The file of a bundle that says what the network knows."""
    data: dict[str, Any] = {
        "library": library.to_json(),
        "tasks": {name: to_mapping(row) for name, row in known.items()},
    }
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()
