"""Examples as people write them, and programs that pass them."""

from __future__ import annotations

import pytest

from codling.errors import InputError
from codling.trees.writing.words import words_of
from codling.write import Writer
from codling.write.examples import names_in_order, read_example, same, search
from codling.write.sandbox import Case
from tiny_writer import tiny_writer


@pytest.mark.parametrize(
    ("text", "args", "names", "value"),
    [
        ("[3, 1]=[1, 3]", ([3, 1],), {}, [1, 3]),
        ("1, 2 = 3", (1, 2), {}, 3),
        ("xs=[1], n=2=[2]", (), {"xs": [1], "n": 2}, [2]),
        ("'a=b'='b=a'", ("a=b",), {}, "b=a"),
        ("{'a': 1}={1: 'a'}", ({"a": 1},), {}, {1: "a"}),
        ("-1=None", (-1,), {}, None),
    ],
)
def test_examples_are_read(text: str, args: tuple[object, ...], names: dict[str, object], value: object) -> None:
    example = read_example(text)
    assert example.case == Case(args, names)
    assert example.value == value


@pytest.mark.parametrize("text", ["", "1", "x=", "=1", "print(1)=1", "a b=1", "1==1"])
def test_what_is_no_example_says_how_one_looks(text: str) -> None:
    with pytest.raises(InputError, match="no example"):
        read_example(text)


@pytest.mark.parametrize(
    ("value", "right", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (1.0, 1, True),
        (1, 1.0, False),
        (True, 1, False),
        ([1, (2.0,)], [1, (2.0,)], True),
        ([1], (1,), False),
        ({"a": [1.0]}, {"a": [1.0]}, True),
        (float("nan"), float("nan"), True),
        ("a", "b", False),
    ],
)
def test_same(value: object, right: object, equal: bool) -> None:
    assert same(value, right) is equal


def test_names_are_in_the_descriptions_order() -> None:
    words = words_of("add `b` to each of `a`")
    assert names_in_order("[x + b for x in a]", words) == ["b", "a"]
    assert names_in_order("sorted(c) + a", words) == ["a", "c"]


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(tiny_writer()[1])


def test_search_finds_a_program_that_passes(writer: Writer) -> None:
    found = search(writer, "call len with items as argument.", [read_example("items=[1, 2]=2")], seconds=30)
    assert [each.candidate.code for each in found.found] == ["len(items)"]
    assert found.found[0].passed == 1


def test_one_that_leaves_an_input_unused_is_the_answer_only_where_no_other_passes(writer: Writer) -> None:
    description = "call len with items as argument."
    plain = search(writer, description, [read_example("items=[1, 2]=2")], seconds=30)
    both = search(writer, description, [read_example("items=[1, 2], rows=[1, 2]=2")], seconds=30)
    assert plain.found[0].candidate.code == "len(items)"
    assert both.num_tried > plain.num_tried  # it went on
    codes = [each.candidate.code for each in both.found]
    assert codes == ["len(items)"] or ("items" in codes[0] and "rows" in codes[0])


def test_search_says_what_came_nearest(writer: Writer) -> None:
    examples = [read_example("items=[1, 2]=2"), read_example("items=[]='nothing'")]
    found = search(writer, "call len with items as argument.", examples, seconds=5)
    assert not found.found
    assert found.nearest[0].passed == 1
    failed = found.nearest[0].failed
    assert failed is not None
    assert failed.value == 0 or failed.stopped
    with pytest.raises(InputError):
        search(writer, "x", [])
