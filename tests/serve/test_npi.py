"""Learned programs over HTTP: which there are, runs of them step by step, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codling.npi import load_interpreter
from codling.serve.http import make_app
from codling.serve.models import Shelf
from codling.serve.page import Page
from serve.conftest import Client

INTERPRETER = load_interpreter("npi")


@pytest.fixture(scope="module")
def client(chain: Path, built_page: Page) -> Iterator[Client]:
    client = Client(make_app(Shelf([str(chain)]), page=built_page))
    yield client
    client.close()


def run(client: Client, task: str, words: list[str], **more: Any) -> tuple[int, dict[str, Any]]:
    response = client("POST", "/api/npi/run", json={"task": task, "words": words, "max_steps": 5000, **more})
    return response.status_code, response.json()


def test_all_tasks_of_the_bundle_with_their_proofs(client: Client) -> None:
    answer = client("GET", "/api/npi/tasks").json()
    assert answer["model"] == "npi"
    assert {row["name"] for row in answer["tasks"]} == set(INTERPRETER.known)
    for row in answer["tasks"]:
        assert row["proof"]["frames"] > 0
        status, ran = run(client, row["name"], row["example"])
        assert (status, ran["trace"]["verified"]) == (200, True), row["name"]


@pytest.mark.parametrize(
    ("task", "words", "result"),
    [
        ("addition", ["96", "125"], "221"),
        ("subtraction", ["1000", "1"], "999"),
        ("quicksort", ["3", "1", "2"], "1 2 3"),
    ],
)
def test_a_run_ends_with_the_answer(client: Client, task: str, words: list[str], result: str) -> None:
    status, ran = run(client, task, words)
    assert status == 200
    assert ran["trace"]["result"] == result
    assert ran["trace"]["steps"] and ran["trace"]["divergence"] is None


def test_a_run_without_end_can_be_watched_as_far_as_it_went(client: Client) -> None:
    """24 disks take 17 million moves, and their answer about as long as the run."""
    status, ran = run(client, "hanoi", ["24"], max_steps=1000)
    shown = ran["trace"]
    assert status == 200 and shown["stopped"] is True and shown["failure"] == "it was not done after 1,000 steps"
    assert len(shown["steps"]) == shown["num_steps"] == 1000
    assert (shown["result"], shown["answer"], shown["correct"]) == (None, None, False)
    assert shown["steps"][-1]["teacher"] == shown["steps"][-1]["text"]


@pytest.mark.parametrize(
    ("task", "words", "says"),
    [
        ("addition", ["-3", "x"], "whole numbers"),
        ("addition", ["1"], "two"),
        ("adition", ["1", "2"], "addition"),
        ("addition", ["9" * 600, "9" * 600], "1,000 characters"),
    ],
)
def test_what_cannot_be_run_is_said_in_plain_words(client: Client, task: str, words: list[str], says: str) -> None:
    status, answer = run(client, task, words)
    assert status == 400
    assert says in json.dumps(answer)


def test_without_its_bundle_there_is_a_reason_in_place_of_tasks(chain: Path, built_page: Page) -> None:
    client = Client(make_app(Shelf([str(chain)]), page=built_page, programs="absent"))
    try:
        answer = client("GET", "/api/npi/tasks").json()
        assert (answer["model"], answer["tasks"]) == (None, [])
        assert "absent" in answer["reason"]
        assert run(client, "addition", ["1", "2"])[0] in range(400, 500)
    finally:
        client.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["task", "words", "max_steps", "session", "more"]),
        st.none() | st.text() | st.lists(st.text(max_size=3), max_size=3) | st.integers(),
    )
    | st.builds(
        lambda words: {"task": "addition", "words": words, "max_steps": 50}, st.lists(st.text(max_size=4), max_size=4)
    )
)
def test_whatever_is_sent_is_no_error_of_the_server(client: Client, message: dict[str, Any]) -> None:
    assert client("POST", "/api/npi/run", json=message).status_code < 500


def test_running_programs_needs_no_torch() -> None:
    code = "import sys, codling.serve.npiapi; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
