"""Code search for agents: a real client talks to `codling mcp` over stdin and stdout."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from anyio.from_thread import start_blocking_portal
from mcp import StdioServerParameters
from mcp.client.client import Client

from search_project import write_project

pytestmark = pytest.mark.e2e

PATIENCE_S = 90


class Agent:
    """A client of a running server."""

    def __init__(self, client: Client, portal: Any) -> None:
        self.client, self._portal = client, portal

    def tools(self) -> dict[str, Any]:
        return {tool.name: tool for tool in self._portal.call(self.client.list_tools).tools}

    def call(self, tool: str, **arguments: Any) -> tuple[bool, str]:
        """Whether it is an error, and the text."""
        answer = self._portal.call(lambda: self.client.call_tool(tool, arguments))
        assert [part.type for part in answer.content] == ["text"]
        return bool(answer.is_error), answer.content[0].text

    def text(self, tool: str, **arguments: Any) -> str:
        is_error, text = self.call(tool, **arguments)
        assert not is_error, text
        return text

    def error(self, tool: str, **arguments: Any) -> str:
        is_error, text = self.call(tool, **arguments)
        assert is_error, text
        return text


@pytest.fixture(scope="module")
def connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Starts servers for folders and connects to them."""
    home = tmp_path_factory.mktemp("home")
    with start_blocking_portal() as portal:

        def start(*roots: Path) -> Any:
            arguments = ["-m", "codling", "mcp", "--no-neural"]
            for root in roots:
                arguments += ["--root", str(root)]
            server = StdioServerParameters(
                command=sys.executable, args=arguments, env=os.environ | {"CODLING_HOME": str(home)}, cwd=str(home)
            )
            client = Client(server, read_timeout_seconds=PATIENCE_S)
            return client, portal

        yield start


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agent")
    (folder / "outside.py").write_text("OUTSIDE = 1\n")
    return write_project(folder / "project")


@pytest.fixture(scope="module")
def agent(connect: Callable[..., Any], root: Path) -> Iterator[Agent]:
    client, portal = connect(root)
    with portal.wrap_async_context_manager(client):
        yield Agent(client, portal)


def test_says_what_it_can_do(agent: Agent, root: Path) -> None:
    assert str(root) in (agent.client.instructions or "")
    tools = agent.tools()
    assert set(tools) == {"search", "definition", "find_related"}
    for tool in tools.values():
        assert tool.annotations.read_only_hint and tool.title
        assert tool.description == tool.description.strip() and "\n    " not in tool.description
        assert all("description" in about for about in tool.input_schema["properties"].values())
    assert tools["search"].input_schema["required"] == ["query"]


def test_search_shows_places_and_numbered_lines(agent: Agent, root: Path) -> None:
    text = agent.text("search", query="read a length-prefixed frame", limit=3, lines=3)
    assert text.startswith("3 hits, paths below " + str(root))
    line = (root / "wire" / "frame.go").read_text().split("\n").index(
        "func ReadFrame(r io.Reader) (*Frame, error) {"
    ) + 1
    assert f"wire/frame.go:{line}-{line + 8}  function ReadFrame" in text
    assert f"{line} | func ReadFrame(r io.Reader) (*Frame, error) {{" in text
    assert f"… to line {line + 8}" in text
    assert "do-not-show" not in agent.text("search", query="API_TOKEN")


def test_search_narrows_down(agent: Agent) -> None:
    assert ".go:" not in agent.text("search", query="frame retry", language="typescript", limit=20, lines=0)
    assert "function" not in agent.text("search", query="retry", kind="interface", lines=0)
    assert "src/" not in agent.text("search", query="text", path="web/", limit=20, lines=0)
    assert agent.text("search", query="zzyzx_nothing_like_it lang:go kind:enum").startswith("nothing found")


def test_definition_shows_the_whole_of_it(agent: Agent) -> None:
    text = agent.text("definition", name="TextWrapper.fill")
    assert text.startswith("1 hit") and "def fill(self, text):" in text and "return" in text and "… to line" not in text
    assert (
        agent.text("definition", name="retryWithBackoff", lines=2).count(" | ") == 3
    )  # its doc comment, its head, and …
    assert agent.text("definition", name="no_such_name").startswith("nothing found")


def test_related_code_of_a_place_and_of_a_text(agent: Agent, root: Path) -> None:
    by_place = agent.text("find_related", path="src/text/textwrap.py", line=200, limit=4, lines=1)
    assert by_place == agent.text("find_related", path=str(root / "src/text/textwrap.py"), line=200, limit=4, lines=1)
    assert "hits" in agent.text("find_related", code="def f(s): return s.strip().split()")


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("search", {"query": "re:/(/"}, "no regular expression"),
        ("search", {"query": "x", "limit": 1000}, "limit"),
        ("search", {"query": "x", "kind": "clas"}, "kind"),
        ("search", {}, "query"),
        ("find_related", {}, "name a file and a line, or give code"),
        ("find_related", {"path": "../outside.py"}, "in no index"),
        ("find_related", {"path": "/etc/passwd"}, "in no index"),
        ("find_related", {"path": "secret/token.py"}, "in no index"),
        ("definition", {"name": ""}, "name"),
    ],
)
def test_a_mistake_is_the_tool_s_error(agent: Agent, tool: str, arguments: dict[str, Any], says: str) -> None:
    error = agent.error(tool, **arguments)
    assert says in error and "Traceback" not in error
    assert agent.text("definition", name="ReadFrame").startswith("1 hit")  # and the server lives


def test_answers_are_bounded(agent: Agent, root: Path) -> None:
    text = agent.text("search", query="text", limit=50, lines=200)
    assert len(text) < 25_000 and "left out for their length" in text
    wide = root / "wide.py"
    wide.write_text("WIDE = '" + "x" * 200_000 + "'\n")
    assert len(agent.text("search", query="def", limit=50, lines=200)) < 25_000


def test_several_folders_are_searched_as_one(connect: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "lines.py").write_text("def split_lines(text):\n    return text.splitlines()\n")
    client, portal = connect(root, tmp_path / "two")
    with portal.wrap_async_context_manager(client):
        agent = Agent(client, portal)
        until = time.monotonic() + PATIENCE_S
        while "(not searched" in (text := agent.text("definition", name="split_lines")):
            assert time.monotonic() < until, text
            time.sleep(0.1)
        place = (tmp_path / "two" / "lines.py").as_posix()
        assert f"{place}:1-2  function split_lines" in text
        related = agent.text("find_related", path=str(root / "src/text/textwrap.py"), line=200)
        assert " hits" in related and f"{root.as_posix()}/src/" in related


@pytest.mark.parametrize("where", ["root", "nowhere"])
def test_it_does_not_index_a_whole_disk_by_mistake(tmp_path: Path, where: str) -> None:
    options = [] if where == "root" else ["--root", str(tmp_path / "nowhere")]
    done = subprocess.run(
        [sys.executable, "-m", "codling", "mcp", *options],
        capture_output=True,
        text=True,
        cwd=Path(tmp_path.anchor),
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "--root" in done.stderr


def test_without_the_extra_it_says_which(root: Path) -> None:
    code = "import sys; sys.modules['mcp'] = None; from codling.cli import main; sys.argv = ['codling', 'mcp']; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=PATIENCE_S)
    assert done.returncode == 2 and "codling[mcp]" in done.stderr and len(done.stderr.splitlines()) == 1
