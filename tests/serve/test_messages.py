from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.errors import InputError
from codling.serve.messages import CompleteRequest, ErrorMessage, SampleRequest, decode, encode

LEAST = {"language": "python", "prefix": "import "}


def test_what_is_left_out_has_the_documented_default() -> None:
    message = decode(json.dumps(LEAST), CompleteRequest)
    assert (message.kind, message.limit, message.temperature) == ("line", 1, 0.0)
    assert message.suffix == "" and message.model is None and message.session is None and message.path is None


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"prefiks": "x"}, "prefiks"),
        ({"limit": 0}, "limit"),
        ({"limit": 51}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": "1"}, "limit"),
        ({"limit": 10**400}, "limit"),
        ({"kind": "page"}, "kind"),
        ({"prefix": None}, "prefix"),
        ({"prefix": 7}, "prefix"),
        ({"prefix": "x" * 1_000_001}, "prefix"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 1e300}, "temperature"),
        ({"model": ""}, "model"),
        ({"session": "s" * 201}, "session"),
        ({"path": "p" * 4097}, "path"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, object], names: str) -> None:
    with pytest.raises(InputError, match=f"(?i){names}") as caught:
        decode(json.dumps(LEAST | change), CompleteRequest)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["language", "prefix"])
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(InputError, match=field):
        decode(json.dumps({key: value for key, value in LEAST.items() if key != field}), CompleteRequest)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"language":"python","prefix":"\xff"}',
        b'{"language":"python","prefix":"\\ud800"}',
        b"[" * 100_000,
        b'{"language":"python","prefix":NaN}',
        b'{"language":"python","prefix":"x"} {}',
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        decode(body, CompleteRequest)


@given(st.text())
def test_text_comes_back_as_it_went(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    body = msgspec.json.encode({"prompt": text})
    assert decode(body, SampleRequest).prompt == text
    assert json.loads(encode(ErrorMessage(text)))["error"] == text


def test_half_a_surrogate_pair_goes_out_as_the_replacement_character() -> None:
    assert json.loads(encode(ErrorMessage("a\ud83d🐟")))["error"] == "a\ufffd🐟"
