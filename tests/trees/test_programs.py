"""Generated tasks are what they say: their programs give the examples, and the sandbox agrees."""

from __future__ import annotations

import itertools

from codling.trees.grammar import write_source
from codling.trees.writing.programs import NUM_EXAMPLES, tasks
from codling.trees.writing.words import words_of
from codling.write.examples import same
from codling.write.sandbox import Case, Sandbox


def test_programs_give_their_examples() -> None:
    with Sandbox() as sandbox:
        for task in itertools.islice(tasks(3), 40):
            outcomes = sandbox.run(task.code, [Case(names=names) for names, _ in task.examples])
            assert len(outcomes) == NUM_EXAMPLES
            for outcome, (_, value) in zip(outcomes, task.examples, strict=True):
                assert outcome.stopped is None, (task.code, outcome)
                assert same(outcome.value, value), task.code


def test_tasks_are_drawn_anew_and_again() -> None:
    first, again, other = ([each.code for each in itertools.islice(tasks(seed), 200)] for seed in (1, 1, 2))
    assert first == again != other
    assert len(set(first)) > 100


def test_descriptions_name_every_input() -> None:
    for task in itertools.islice(tasks(5), 200):
        said = {word.value for word in words_of(task.text)}
        assert set(task.examples[0][0]) <= said, task
        assert len({repr(value) for _, value in task.examples}) > NUM_EXAMPLES // 2
        assert write_source(task.pair.tree)


def test_some_tasks_mean_two_things() -> None:
    """The same words for different programs: what examples are for."""
    by_text: dict[str, set[str]] = {}
    for task in itertools.islice(tasks(0, depth=1), 3_000):
        by_text.setdefault(task.text, set()).add(task.code)
    assert any(len(codes) > 1 for codes in by_text.values())
