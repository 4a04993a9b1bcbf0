"""Programs from descriptions over HTTP: candidates and how they came about, examples, and what is refused."""

from __future__ import annotations

import ast
import asyncio
import gc
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from codling.complete.described import LEAST_SCORE
from codling.errors import CancelledError
from codling.serve import writeapi
from codling.serve.http import make_app
from codling.serve.models import Shelf
from codling.serve.page import Page
from codling.serve.writing import LazyWriter
from codling.write import Writer
from serve.conftest import URL, Client

SORT = "sort list `xs` by the second element of each tuple"


@pytest.fixture(scope="module")
def client(chain: Path, built_page: Page) -> Iterator[Client]:
    client = Client(make_app(Shelf([str(chain)]), page=built_page))
    yield client
    client.close()


def write(client: Client, text: str, **more: Any) -> dict[str, Any]:
    response = client("POST", "/api/write", json={"text": text, **more})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_candidates_parse_and_the_best_comes_first(client: Client) -> None:
    answer = write(client, SORT, limit=4)
    assert answer["model"] == "write"
    assert answer["words"][:3] == ["sort", "list", "xs"]
    codes = [each["code"] for each in answer["candidates"]]
    assert 2 <= len(codes) <= 4 and len(set(codes)) == len(codes)
    for code in codes:
        ast.parse(code)
    scores = [each["score"] for each in answer["candidates"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["tried"] == 0 and all(each["results"] == [] for each in answer["candidates"])


def test_steps_tell_how_a_program_came_about(client: Client) -> None:
    answer = write(client, SORT, limit=1, beam=1)  # of a beam of one no two derivations are one program
    (best,) = answer["candidates"]
    steps = best["steps"]
    assert steps[0]["kind"] == "node" and steps[0]["label"] == "Module" and steps[0]["parent"] == -1
    assert math.prod(step["probability"] for step in steps) == pytest.approx(best["probability"], rel=1e-4)
    for number, step in enumerate(steps[1:], 1):
        parent = steps[step["parent"]]
        assert step["parent"] < number and parent["kind"] == "node"
        assert len(step["weights"]) == len(answer["words"])
        assert sum(step["weights"]) == pytest.approx(1, abs=0.02)
        if step["span"] is not None and parent["span"] is not None:
            assert parent["span"][0] <= step["span"][0] <= step["span"][1] <= parent["span"][1]
        if step["kind"] == "token":
            assert best["code"][slice(*step["span"])] == step["label"]
        if step["source"] == "copied":
            assert step["label"] in answer["words"]
    assert any(step["source"] == "copied" and step["label"] == "xs" for step in steps)


def test_spans_count_utf16_units(client: Client) -> None:
    best = write(client, "print string '🐟 fish' then", limit=1)["candidates"][0]
    units = best["code"].encode("utf-16-le")
    texts = {units[2 * start : 2 * end].decode("utf-16-le") for start, end in _spans(best)}
    assert best["code"] in texts
    if "🐟" in best["code"]:
        assert any(text.startswith("'🐟") for text in texts)


def _spans(program: dict[str, Any]) -> list[tuple[int, int]]:
    return [step["span"] for step in program["steps"] if step["span"] is not None]


def test_steps_can_be_left_out(client: Client) -> None:
    assert all(each["steps"] == [] for each in write(client, SORT, steps=False)["candidates"])


def test_with_examples_programs_are_run_and_those_that_pass_are_the_answer(client: Client) -> None:
    answer = write(client, "return `s`", limit=1, examples=["s='abc'='abc'", "s=''=''"])
    (best,) = answer["candidates"]
    assert [each["passed"] for each in best["results"]] == [True, True]
    assert best["results"][0]["value"] == "'abc'"
    assert answer["tried"] >= 1


def test_where_no_program_passes_the_nearest_are_shown_with_what_they_did(client: Client) -> None:
    answer = write(client, "return `s`", limit=2, examples=["s='abc'='abc'", "s='x'='no such thing'"], seconds=0.2)
    best = answer["candidates"][0]
    assert [each["passed"] for each in best["results"]] == [True, False]
    assert best["results"][1]["value"] == "'x'"


def test_the_stream_tells_what_is_found_and_then_the_whole_answer(client: Client) -> None:
    response = client("POST", "/api/write/stream", json={"text": SORT, "limit": 3})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [
        (head.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for head, data in (block.split("\n") for block in response.text.strip().split("\n\n"))
    ]
    assert [name for name, _ in events][-1] == "done"
    assert {name for name, _ in events[:-1]} == {"found"}
    assert events[-1][1]["candidates"][0]["steps"]
    assert [each["code"] for each in events[-2][1]["candidates"]] == [
        each["code"] for each in events[-1][1]["candidates"]
    ]
    assert events[-1][1]["candidates"] == write(client, SORT, limit=3)["candidates"]


def test_a_newer_request_of_a_session_overtakes_an_older_one(chain: Path, built_page: Page) -> None:
    async def both() -> list[int]:
        transport = httpx.ASGITransport(make_app(Shelf([str(chain)]), page=built_page), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=URL, timeout=90) as asking:
            hard = {"text": "do something that takes long", "examples": ["1='never'"], "seconds": 20, "session": "one"}
            older = asyncio.create_task(asking.post("/api/write", json=hard))
            await asyncio.sleep(0.5)
            newer = await asking.post("/api/write", json={"text": SORT, "session": "one"})
            return [(await older).status_code, newer.status_code]

    assert asyncio.run(asyncio.wait_for(both(), 80)) == [409, 200]


@pytest.mark.parametrize("path", ["/api/write", "/api/write/stream"])
def test_a_search_that_is_given_up_leaves_the_sandbox_to_the_next(
    path: str, chain: Path, built_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and not when Python happens to collect its garbage."""
    monkeypatch.setattr(writeapi, "_BUSY_S", 5.0)

    async def one_after_the_other() -> int:
        transport = httpx.ASGITransport(make_app(Shelf([str(chain)]), page=built_page), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=URL, timeout=90) as asking:
            hard = {"text": "do something that takes long", "examples": ["1='never'"], "seconds": 20, "session": "one"}
            older = asyncio.create_task(asking.post(path, json=hard))
            await asyncio.sleep(0.5)
            await asking.post("/api/write", json={"text": SORT, "session": "one"})
            easy = {"text": "return `s`", "examples": ["s='abc'='abc'"], "seconds": 0.2}
            newer = await asking.post("/api/write", json=easy)
            await older
            return newer.status_code

    gc.disable()
    try:
        assert asyncio.run(asyncio.wait_for(one_after_the_other(), 80)) == 200
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"text": ""}, "no words"),
        ({"text": "  \n\t "}, "no words"),
        ({"text": "x" * 4_001}, "text"),
        ({"text": "x", "limit": 0}, "limit"),
        ({"text": "x", "examples": ["no example"]}, "no example"),
        ({"text": "x", "examples": ["1=1"] * 21}, "examples"),
        ({"text": "x", "sessoin": "a"}, "sessoin"),
        ({}, "text"),
    ],
)
@pytest.mark.parametrize("path", ["/api/write", "/api/write/stream"])
def test_what_cannot_be_written_is_said_in_plain_words(
    client: Client, path: str, message: dict[str, Any], says: str
) -> None:
    response = client("POST", path, json=message)
    assert response.status_code == 400
    assert says in response.json()["error"]


def test_without_its_bundle_there_is_a_reason(chain: Path, built_page: Page) -> None:
    client = Client(make_app(Shelf([str(chain)]), page=built_page, writer="absent"))
    try:
        answer = client("GET", "/api/write").json()
        assert answer["model"] is None and "absent" in answer["reason"]
        response = client("POST", "/api/write", json={"text": SORT})
        assert response.status_code == 404 and "absent" in response.json()["error"]
    finally:
        client.close()


def test_where_programs_cannot_be_run_that_is_said(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    response = client("POST", "/api/write", json={"text": SORT, "examples": ["[]=[]"]})
    assert response.status_code == 400
    assert "no process for running programs" in response.json()["error"]
    assert write(client, SORT)["candidates"]  # which needs none


def test_the_bundle_is_told_of(client: Client) -> None:
    answer = client("GET", "/api/write").json()
    assert (answer["model"], answer["reason"]) == ("write", "")
    assert answer["description"]


COMMENT = "# import module os.path\n"


def test_a_comment_in_an_editor_offers_its_program(client: Client) -> None:
    answer = client.complete(prefix=COMMENT, from_comments=True).json()
    (offered,) = answer["suggestions"]
    assert (offered["text"], offered["origin"]) == ("import os.path", "description")
    assert LEAST_SCORE <= offered["score"] <= 1
    again = client.complete(prefix=COMMENT, from_comments=True, kind="block").json()
    assert again["suggestions"] == answer["suggestions"]
    assert again["ms"] < answer["ms"] / 2  # the writer is asked once


def test_comments_offer_nothing_unless_that_is_asked_for(client: Client) -> None:
    for message in ({"prefix": COMMENT}, {"prefix": COMMENT, "from_comments": True, "kind": "token"}):
        assert all("origin" not in each for each in client.complete(limit=5, **message).json()["suggestions"])


def test_streams_and_other_suggestions_go_on_beside_it(client: Client) -> None:
    message = {"language": "python", "prefix": COMMENT, "from_comments": True, "kind": "block"}
    stages = client("POST", "/api/complete/stream", json=message).text
    assert stages.count('"origin":"description"') == 2  # of the line and the block
    plain = client.complete(prefix="x.", from_comments=True).json()["suggestions"]
    assert plain == client.complete(prefix="x.").json()["suggestions"]


def test_without_a_writer_the_others_answer(chain: Path, built_page: Page) -> None:
    client = Client(make_app(Shelf([str(chain)]), page=built_page, writer="absent"))
    try:
        for prefix in (COMMENT, COMMENT, COMMENT + "x = fish."):
            response = client.complete(prefix=prefix, from_comments=True)
            assert response.status_code == 200
            assert all("origin" not in each for each in response.json()["suggestions"])
    finally:
        client.close()


def test_a_writer_opens_its_bundle_only_when_it_is_needed(tmp_path: Path) -> None:
    opened = []

    class Watched(LazyWriter):
        def open(self) -> Writer:
            opened.append(True)
            return super().open()

    writer = Watched()
    assert opened == []
    found = writer.programs("import module os.path", 2, lambda: False)
    assert found[0][0] == "import os.path" and len(found) <= 2
    assert writer.programs("import module os.path", 2, lambda: True) == found  # known, so nothing is given up
    assert writer.programs("import module os.path", 3, lambda: True) == []
    assert writer.programs("", 2, lambda: False) == []
    assert len(opened) == 3
    with pytest.raises(CancelledError):
        writer.programs("the length of `s`", 2, _cancelled)


def _cancelled() -> bool:
    raise CancelledError("nobody waits")


_TEXT = {"type": "string", "maxLength": 60}
SCHEMA = {
    "openapi": "3.1.0",
    "info": {"title": "codling", "version": "1"},
    "paths": {
        path: {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "text": _TEXT,
                                    "limit": {"type": "integer", "minimum": 1, "maximum": 3},
                                    "beam": {"type": "integer", "minimum": 1, "maximum": 3},
                                    "examples": {"type": "array", "maxItems": 1, "items": _TEXT},
                                    "seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.2},
                                    "steps": {"type": "boolean"},
                                    "session": _TEXT,
                                },
                                "required": ["text"],
                            }
                        }
                    },
                },
                "responses": {"200": {"description": "programs"}},
            }
        }
        for path in ("/api/write", "/api/write/stream")
    },
}
schema = schemathesis.openapi.from_dict(SCHEMA)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("path", ["/api/write", "/api/write/stream"])
def test_whatever_is_sent_is_no_error_of_the_server(client: Client, path: str, mode: GenerationMode) -> None:
    """Good messages and bad ones, as schemathesis makes them up."""

    @given(schema[path]["POST"].as_strategy(generation_mode=mode))
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case) -> None:
        body = case.body if isinstance(case.body, bytes) else json.dumps(case.body, default=str).encode()
        headers = {"content-type": "application/json"}
        response = client("POST", path, content=body, headers=headers)
        assert response.status_code < 500, response.text

    check()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_any_description_gets_programs_or_a_reason(client: Client, text: str) -> None:
    response = client("POST", "/api/write", json={"text": text, "limit": 1, "beam": 2})
    assert response.status_code in (200, 400)
    if response.status_code == 200:
        ast.parse(response.json()["candidates"][0]["code"])


def test_writing_needs_no_torch() -> None:
    code = "import sys, codling.serve.writeapi; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
