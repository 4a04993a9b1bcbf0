"""Code search over HTTP: what is found, what is shown of it, and what stays out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codling.serve.codebase import Codebase
from codling.serve.http import make_app
from codling.serve.models import Shelf
from codling.serve.page import Page
from search_project import EMOJI_LINE, write_project
from serve.conftest import Client

PATIENCE_S = 60
GLOB = "path:" + "**/" * 12 + "*a*a*a*a*a*a*a*a*b"  # as an expression that goes back and forth, this takes for ever


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("search")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODLING_HOME", str(folder / "home"))
        (folder / "outside.py").write_text("OUTSIDE = 1\n")
        other = folder / "deeper" / "project"
        other.mkdir(parents=True)
        (other / "lines.py").write_text("def split_lines(text):\n    return text.splitlines()\n")
        yield write_project(folder / "project")


@pytest.fixture(scope="module")
def code(root: Path) -> Iterator[Codebase]:
    code = Codebase([root, root.parent / "deeper" / "project"], neural=False)
    code.start()
    assert code.wait(PATIENCE_S)
    until_ready(code)
    yield code
    code.close()


@pytest.fixture(scope="module")
def client(code: Codebase, chain: Path, built_page: Page) -> Iterator[Client]:
    client = Client(make_app(Shelf([str(chain)]), page=built_page, code=code))
    yield client
    client.close()


def until_ready(code: Codebase) -> None:
    end = time.monotonic() + PATIENCE_S
    while any(repo.message.state != "ready" for repo in code.repos):
        assert time.monotonic() < end, [repo.message for repo in code.repos]
        time.sleep(0.02)


def ask(client: Client, endpoint: str = "", /, *, status: int = 200, **message: Any) -> Any:
    answer = client("POST", f"/api/search{endpoint}", json=message)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert list(answer.json()) == ["error"] and "\n" not in answer.json()["error"]
        return answer.json()["error"]
    return answer.json()


def names(answer: Any) -> list[str]:
    return [hit["qualified_name"] for hit in answer["hits"]]


def test_finds_a_name_with_its_place_and_its_code(client: Client) -> None:
    answer = ask(client, query="raw_decode", limit=3, lines=2)
    hit = answer["hits"][0]
    assert (hit["repo"], hit["path"], hit["kind"]) == ("project", "src/codec/decoder.py", "method")
    assert hit["qualified_name"] == "JSONDecoder.raw_decode" and hit["language"] == "python"
    assert hit["top_line"] <= hit["line"] <= hit["end_line"] and len(hit["unit"]) == 16
    snippet = hit["snippet"]
    assert snippet["line"] == hit["line"] and snippet["text"].count("\n") == 1
    row, start, end = snippet["marks"][0]
    assert row == 0 and snippet["text"].split("\n")[0][start:end] == "raw_decode"
    assert abs(sum(hit["parts"].values()) - hit["score"]) < 1e-6
    assert answer["complete"] and not answer["indexing"] and answer["ms"] > 0 and answer["facets"] is None


def test_marks_count_as_a_browser_counts(client: Client) -> None:
    """UTF-16: an emoji is two."""
    hit = ask(client, query='"codling"', limit=5)["hits"][0]
    assert hit["path"] == "src/text/fish.py"
    row = hit["snippet"]["text"].split("\n").index(EMOJI_LINE)
    units = EMOJI_LINE.encode("utf-16-le")
    found = [units[2 * start : 2 * end].decode("utf-16-le") for at, start, end in hit["snippet"]["marks"] if at == row]
    assert found == ["codling", "codling"]


def test_filters_beside_the_query_and_in_it_say_the_same(client: Client) -> None:
    beside = ask(client, query="read", languages=["go"], limit=50)
    within = ask(client, query="read lang:go", limit=50)
    assert names(beside) == names(within) and {hit["language"] for hit in beside["hits"]} == {"go"}
    assert {hit["kind"] for hit in ask(client, query="frame", kinds=["class"])["hits"]} == {"class"}
    assert {hit["path"] for hit in ask(client, query="wrap", paths=["/src/text/**"])["hits"]} == {
        "src/text/textwrap.py"
    }
    assert {hit["repo"] for hit in ask(client, query="text", repos=["project-2"])["hits"]} == {"project-2"}
    assert "clas" in ask(client, status=400, query="x", kinds=["clas"])
    assert "project-3" in ask(client, status=404, query="x", repos=["project-3"])


def test_facets_show_what_another_choice_would_give(client: Client) -> None:
    free = ask(client, query="text", facets=True, limit=1)
    assert len(free["hits"]) == 1
    counts = {each["value"]: each["hits"] for each in free["facets"]["kinds"]}
    assert counts["method"] > 0 and sum(counts.values()) <= 100
    assert {each["value"] for each in free["facets"]["repos"]} == {"project", "project-2"}
    chosen = ask(client, query="text", facets=True, kinds=["method"])
    assert {hit["kind"] for hit in chosen["hits"]} == {"method"}
    assert {each["value"] for each in chosen["facets"]["kinds"]} == set(counts)
    folder = free["facets"]["paths"][0]
    below = ask(client, query="text", facets=True, paths=[folder["value"]], limit=100)
    prefix = folder["value"].removeprefix("/").removesuffix("**")
    assert below["hits"] and all(hit["path"].startswith(prefix) for hit in below["hits"])


def test_copies_are_listed_and_related_code_is_found(client: Client) -> None:
    hit = ask(client, query="TextWrapper.fill")["hits"][0]
    related = ask(client, "/related", repo=hit["repo"], path=hit["path"], line=hit["line"], limit=5)
    assert related["hits"] and all(each["unit"] != hit["unit"] for each in related["hits"])
    assert ask(client, "/related", code="for line in text.splitlines(): yield line")["hits"]
    ask(client, "/related", status=400)
    ask(client, "/related", status=400, path="README.md", code="x")
    ask(client, "/related", status=404, path="no/such.py")


def test_a_definition_is_found_by_its_whole_name(client: Client) -> None:
    hit = ask(client, "/definition", name="TextWrapper.wrap", limit=1)["hits"][0]
    assert (hit["path"], hit["name"]) == ("src/text/textwrap.py", "wrap")
    assert ask(client, "/definition", name="nothing_of_the_kind")["hits"] == []
    assert names(ask(client, "/definition", name="retryWithBackoff")) == ["retryWithBackoff"]


def test_explains_a_hit(client: Client) -> None:
    hit = ask(client, query="split shell words", limit=3)["hits"][1]
    why = ask(client, "/explain", query="split shell words", unit=hit["unit"])
    assert why["rank"] == 2 and abs(why["score"] - hit["score"]) < 1e-6
    assert why["stores"]["bm25"] and why["candidate"]["bm25"] > 0
    ask(client, "/explain", status=400, query="x", unit="f" * 16)
    ask(client, "/explain", status=400, query="x", unit="../x")


def test_a_file_is_shown_as_it_was_indexed(client: Client, root: Path) -> None:
    text = (root / "wire" / "frame.go").read_text()
    whole = ask(client, "/file", repo="project", path="wire/frame.go")
    assert whole["text"] == text and whole["language"] == "go" and whole["num_lines"] == text.count("\n") + 1
    assert [unit["name"] for unit in whole["units"] if unit["kind"] == "function"] == ["ReadFrame"]
    some = ask(client, "/file", path="wire/frame.go", first=4, last=5)
    assert some["first"] == 4 and some["text"] == "\n".join(text.split("\n")[3:5])
    assert ask(client, "/file", path="wire/frame.go", first=10_000)["text"] == ""


@pytest.mark.parametrize(
    "path",
    [
        "../outside.py",
        "src/../../outside.py",
        "{root}/../outside.py",
        "secret/token.py",  # there, but .gitignore leaves it out
        ".gitignore",
        "/etc/passwd",
        "src",
        "",
        "src/codec/decoder.py\0",
        "x" * 4_000,
        "C:\\Windows\\win.ini",
        "file:///etc/passwd",
        "~/.ssh/id_rsa",
        "%2e%2e/outside.py",
    ],
)
def test_nothing_is_read_but_what_is_indexed(client: Client, root: Path, path: str) -> None:
    path = path.replace("{root}", str(root))
    error = ask(client, "/file", status=404, path=path)
    assert "do-not-show" not in error
    ask(client, "/file", status=404, path=path, repo="project")
    if path:
        ask(client, "/related", status=404, path=path)


def test_tells_how_the_indexes_are(client: Client, root: Path) -> None:
    one, two = client("GET", "/api/search/repos").json()["repos"]
    assert (one["name"], one["root"], one["state"], one["error"]) == ("project", str(root), "ready", None)
    assert one["files"] == 8 and one["languages"]["go"] == 3 and one["kinds"]["method"] > 10
    assert sum(one["kinds"].values()) == one["units"] and not one["neural"]
    assert two["name"] == "project-2"


@pytest.mark.parametrize(
    "query", ["", "   ", "re:/(/", "re:/x", 're:/(a|aa)+$/ "x"', "kind:nothing", '"', "-" * 3_999, GLOB]
)
def test_odd_queries_are_answered_or_refused(client: Client, query: str) -> None:
    answer = client("POST", "/api/search", json={"query": query, "facets": True})
    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"query": 1},
        {"query": "x" * 4_001},
        {"query": "x", "limit": 0},
        {"query": "x", "limit": 101},
        {"query": "x", "colour": "red"},
        {"query": "x", "languages": ["go"] * 65},
        {"query": "x", "paths": [""]},
        {"query": "\ud800"},
    ],
)
def test_a_wrong_message_is_the_client_s_mistake(client: Client, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    answer = client("POST", "/api/search", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and "error" in answer.json()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.text(max_size=40) | st.sampled_from(['re:/[a-z]+/i "json"', "lang:py -kind:class", "path:**/*.py x"]),
    paths=st.lists(st.text(min_size=1, max_size=12), max_size=2),
    line=st.integers(1, 10**8),
)
def test_no_request_breaks_the_server(client: Client, query: str, paths: list[str], line: int) -> None:
    for path, message in (
        ("", {"query": query, "paths": paths, "facets": True}),
        ("/definition", {"name": query or "x"}),
        ("/file", {"path": query, "first": line}),
        ("/related", {"path": query, "line": line}),
        ("/related", {"code": query}),
        ("/explain", {"query": query, "unit": f"{line:016x}"}),
    ):
        body = json.dumps(message, ensure_ascii=True).encode()
        answer = client("POST", f"/api/search{path}", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (200, 400, 404), (path, message, answer.text)


def test_a_server_without_a_project_says_so(make_client: Callable[..., Client]) -> None:
    client = make_client()
    assert client("GET", "/api/search/repos").json() == {"repos": []}
    assert "--project" in ask(client, status=404, query="x")
    assert "--project" in ask(client, "/file", status=404, path="README.md")


def test_strangers_stay_out(client: Client) -> None:
    message = {"query": "json"}
    assert client("POST", "/api/search", json=message, headers={"host": "evil.example"}).status_code == 403
    assert client("POST", "/api/search", json=message, headers={"origin": "http://evil.example"}).status_code == 403
    assert client("GET", "/api/search/repos", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client("POST", "/api/search", content=b"query=x").status_code == 415
