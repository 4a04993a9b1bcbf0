"""Examples of one program have the same inputs; what is wrong with one is said."""

from __future__ import annotations

import pytest

from codling.errors import InputError
from codling.write.reading import read_examples


def test_examples_by_position_and_by_name() -> None:
    first, second, third = read_examples(["[3, 1]=[1, 3]", "xs=[2]=[2]", "xs = 'a=b' = ''"])
    assert (first.case.args, first.case.names, first.value) == (([3, 1],), {}, [1, 3])
    assert (second.case.names, second.value) == ({"xs": [2]}, [2])
    assert third.case.names == {"xs": "a=b"}
    assert read_examples([]) == []


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["1=1", "1, 2=1"], "'1, 2=1' has 2 inputs and '1=1' 1"),
        (["a=1=1", "b=1=1"], "name different inputs .b and a."),
        (["s=red=3"], "red is no literal; a string stands in quotes, as 'red'"),
        (["'a b'=green"], "green is no literal"),
        (["s='a b'"], "no example"),
        (["[1, 2"], "no example; write inputs=value"),
        (["s=red green=2"], "strings in quotes"),
        (["f(x)=1"], "no example; write"),
        ([""], "no example"),
    ],
)
def test_mistakes(texts: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_examples(texts)
