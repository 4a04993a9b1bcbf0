"""Programs that look at values as they go, many at a time.

One after another, each program's question would run what that program alone has pending. ``together`` lets all of them
run up to their next question, answers all questions with one batched run, and lets them go on.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any

import torch

from .context import batching, value
from .node import current
from .tape import Tape

__all__ = ["together"]


def together(program: Callable[..., Any], examples: Iterable[Any]) -> list[Any]:
    """Run a program for each example, so that what they wait for is computed together.

    Args:
        program: takes one example. A plain function asks for values by ``node.item()``, ``if node > 0``,
            ``value(node)``; each example then has a thread of its own, of which one runs at a time. A generator
            function asks by ``answer = yield node``, which costs no thread.
        examples: their order is that of the results.

    Returns:
        What the program returned for each: nodes, unless it asked. In ``eager()``, one after another.

    Raises:
        Whatever a program raises first; the others are stopped.
    """
    with batching() as tape:
        if inspect.isgeneratorfunction(program):
            return _generators(tape, [program(example) for example in examples])
        if current.eager:
            return [program(example) for example in examples]
        return _Crew(tape, program, list(examples)).run()


def _generators(tape: Tape, programs: list[Generator[Any, Any, Any]]) -> list[Any]:
    results: list[Any] = [None] * len(programs)
    asked: dict[int, Any] = dict.fromkeys(range(len(programs)))
    try:
        while asked:
            tape.flush()
            answers, asked = {i: value(question) for i, question in asked.items()}, {}
            for i, answer in answers.items():
                try:
                    asked[i] = programs[i].send(answer)
                except StopIteration as stop:
                    results[i] = stop.value
    finally:
        for program in programs:
            program.close()
    return results


class _Stopped(BaseException):
    """Another program has failed."""


class _Crew:
    """Threads that take turns: each runs until it asks or ends, then the next; then everything asked for is
    computed."""

    def __init__(self, tape: Tape, program: Callable[..., Any], examples: list[Any]) -> None:
        self.tape, self.program, self.examples = tape, program, examples
        self.results: list[Any] = [None] * len(examples)
        self.errors: list[BaseException] = []
        self.turn = [threading.Semaphore(0) for _ in examples]
        self.back = threading.Semaphore(0)
        self.alive = [True] * len(examples)
        self.mine = threading.local()

    def run(self) -> list[Any]:
        before, self.tape.wait = self.tape.wait, self.ask
        grad = torch.is_grad_enabled()
        threads = [threading.Thread(target=self._work, args=(i, grad), daemon=True) for i in range(len(self.examples))]
        try:
            for thread in threads:
                thread.start()
            while any(self.alive):
                for i, alive in enumerate(self.alive):
                    if alive:
                        self.turn[i].release()
                        self.back.acquire()
                if not self.errors and any(self.alive):
                    try:
                        self.tape.flush()
                    except Exception as error:
                        self.errors.append(error)
        finally:
            self.tape.wait = before
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]
        return self.results

    def ask(self) -> bool:
        """From ``Tape.flush``: wait until everything has run. False: not one of the crew's threads."""
        number = getattr(self.mine, "number", None)
        if number is None:
            return False
        self.back.release()
        self.turn[number].acquire()
        if self.errors:
            raise _Stopped
        return True

    def _work(self, number: int, grad: bool) -> None:
        self.turn[number].acquire()
        self.mine.number = number
        current.tape = self.tape
        try:
            if not self.errors:
                with torch.set_grad_enabled(grad):
                    self.results[number] = self.program(self.examples[number])
        except _Stopped:
            pass
        except BaseException as error:
            self.errors.append(error)
        finally:
            self.alive[number] = False
            self.back.release()
