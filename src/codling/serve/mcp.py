"""Code search for agents, over the Model Context Protocol: three tools on the indexes of a codebase.

Answers are text, as an agent reads a file: a place, what stands there, numbered lines. They are bounded, and say what
was left out and how to get it. What goes wrong is a tool's error with its remedy, never a broken connection.
"""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Annotated, Literal

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from codling import __version__
from codling.errors import CodlingError
from codling.search.query import parse_query
from codling.search.results import Hit, Results
from codling.serve.codebase import Codebase, Repo
from codling.serve.searchapi import with_filters

__all__ = ["make_server"]

MAX_CHARS = 24_000
"Of one answer, about 6,000 tokens: agents pay for every one of them."

_MAX_LINE = 240  # characters of one line of code; what is longer was generated
_PATIENCE_S = 40.0  # for an index that is still being made: clients give a tool about a minute
_LOOK_S = 0.5
_NUM_THREADS = 2

_INSTRUCTIONS = """\
codling has indexed every function, class, method, constant and passage of text of the code below {roots},
and keeps the index true while files change. Prefer it to listing and grepping when you look for where something is
done, what a name is, or code to imitate: one call finds it by meaning and by name, and shows the code.
- `search`: what you know is a description, a part of a name, an exact text, or a regular expression.
- `definition`: you know the name and want to see what it is.
- `find_related`: you have code, and want more like it (siblings, copies, the same pattern elsewhere).
Lines are 1-based. Nothing is ever changed by these tools."""

_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

Kind = Literal["any", "function", "method", "class", "interface", "enum", "type", "constant", "module", "chunk"]
Limit = Annotated[int, Field(ge=1, le=50, description="Most hits to return.")]
Lines = Annotated[int, Field(ge=0, le=200, description="Lines of code to show of each hit; 0 shows places only.")]
Where = Annotated[str, Field(max_length=4_096, description="A file, absolute or below the root, as hits name it.")]


def make_server(code: Codebase) -> MCPServer[None]:
    """The server that `codling mcp` runs; it starts the codebase when a client connects, and closes it after."""

    @contextlib.asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncIterator[None]:
        code.start()
        try:
            yield
        finally:
            code.close()

    server: MCPServer[None] = MCPServer(
        "codling",
        title="codling code search",
        instructions=_INSTRUCTIONS.format(roots=", ".join(str(repo.root) for repo in code.repos)),
        version=__version__,
        log_level="WARNING",
        lifespan=lifespan,
    )
    tools = _Tools(code)
    for tool, title in (
        (tools.search, "Search code"),
        (tools.definition, "Go to definition"),
        (tools.find_related, "Find related code"),
    ):
        server.add_tool(
            tool, title=title, description=inspect.getdoc(tool), annotations=_READS, structured_output=False
        )
    return server


class _Tools:
    """The tools; their docstrings are what an agent reads."""

    def __init__(self, code: Codebase) -> None:
        self._code = code
        self._threads = anyio.CapacityLimiter(_NUM_THREADS)

    async def search(
        self,
        ctx: Context,
        query: Annotated[
            str,
            Field(
                min_length=1,
                max_length=4_000,
                description="What to find. Plain words describe what code does ('retry a request with backoff') or "
                "name it ('HttpClient.send'). \"in double quotes\" must occur exactly. re:/def test_\\w+/ is a regular "
                "expression. All can be combined with filters: lang:go kind:class path:src/ -path:tests repo:name.",
            ),
        ],
        limit: Limit = 8,
        lines: Lines = 12,
        language: Annotated[str, Field(max_length=50, description="Only this language, such as 'python'.")] = "",
        kind: Annotated[Kind, Field(description="Only definitions of this kind; 'chunk' is text and prose.")] = "any",
        path: Annotated[
            str,
            Field(max_length=200, description="Only paths that contain this, or match it as a glob ('src/**/*.py')."),
        ] = "",
    ) -> str:
        """Find code by what it does, what it is called, or what it says.

        Returns definitions (functions, methods, classes, constants, …) and passages of text, best first, each with its
        place, its qualified name and its first lines. Give a description in plain words when you don't know the name.
        """

        def ask() -> Results:
            filters = with_filters(
                parse_query(query).filters,
                languages=[language] if language else [],
                kinds=[] if kind == "any" else [kind],
                paths=[path] if path else [],
            )
            return self._code.indexes().search(query, limit, filters)

        return await self._answer(ctx, ask, lines)

    async def definition(
        self,
        ctx: Context,
        name: Annotated[
            str,
            Field(
                min_length=1,
                max_length=200,
                description="A name as the code writes it, narrowed down by what it stands in if need be: "
                "'parse_query', 'CodeIndex.search', 'ns::Type::method'.",
            ),
        ],
        limit: Limit = 5,
        lines: Lines = 60,
    ) -> str:
        """Show where a function, method, class, type or constant is defined, with its code and documentation.

        The name must be a whole one; for a part of a name, or when it is not found, use `search`.
        """

        def ask() -> Results:
            results = self._code.indexes().definition(name, limit)
            best = max(
                (hit.score for hit in results.hits), default=0.0
            )  # `A.b` means no other class's b, if there is A's
            return replace(results, hits=tuple(hit for hit in results.hits if hit.score == best))

        return await self._answer(ctx, ask, lines, whole=True)

    async def find_related(
        self,
        ctx: Context,
        path: Where = "",
        line: Annotated[int, Field(ge=1, le=100_000_000, description="1-based line within the code meant.")] = 1,
        code: Annotated[
            str, Field(max_length=100_000, description="In place of path and line: code to find more of.")
        ] = "",
        limit: Limit = 8,
        lines: Lines = 12,
    ) -> str:
        """Find code like some code: similar implementations, copies, the same pattern elsewhere.

        Give either a path and a line, as hits have them, or the code itself.
        """

        def ask() -> Results:
            if path and not code:
                repo, inside = self._code.holding(path)
                return self._code.first_from(repo).find_related(inside, line, k=limit)
            return self._code.indexes().find_related(path or None, line, code=code or None, k=limit)

        return await self._answer(ctx, ask, lines)

    async def _answer(self, ctx: Context, ask: Callable[[], Results], lines: int, *, whole: bool = False) -> str:
        await self._wait(ctx)
        # before the search: an index that is there only after it was not searched
        waiting = [repo.name for repo in self._code.repos if repo.index is None]
        try:
            results = await anyio.to_thread.run_sync(ask, limiter=self._threads)
            return await anyio.to_thread.run_sync(
                lambda: _written(results, self._code.repos, waiting, lines, whole), limiter=self._threads
            )
        except CodlingError as error:
            raise ToolError(str(error)) from None

    async def _wait(self, ctx: Context) -> None:
        """Until something can be searched; an agent that is told to come back later often does not."""
        until = time.monotonic() + _PATIENCE_S
        while not any(repo.index is not None for repo in self._code.repos):
            messages = [repo.message for repo in self._code.repos]
            failed = [message for message in messages if message.state == "failed"]
            if len(failed) == len(messages):
                raise ToolError("; ".join(f"{each.root} cannot be searched: {each.error}" for each in failed))
            done, total = sum(each.done for each in messages), sum(each.total for each in messages)
            if time.monotonic() > until:
                raise ToolError(f"still indexing ({done:,} of {total:,} files); call again in a minute")
            await ctx.report_progress(done, total or None, "indexing")
            await anyio.sleep(_LOOK_S)


def _written(results: Results, repos: Sequence[Repo], waiting: Sequence[str], num_lines: int, whole: bool) -> str:
    """Results as an agent reads them, within MAX_CHARS; waiting names the folders that were not searched."""
    notes = [f"(not searched: {', '.join(waiting)}, whose index is not there yet)"] if waiting else []
    if not results.is_complete:
        notes.append("(stopped early: there is more than is shown; narrow it down)")
    if not results.hits:
        return "\n".join([f"nothing found for {results.query}", *notes])
    num = len(results.hits)
    below = f", paths below {repos[0].root}" if len(repos) == 1 else ""
    parts = [f"{num} {'hit' if num == 1 else 'hits'}{below}", *notes]
    size = sum(map(len, parts))
    for number, hit in enumerate(results.hits):
        part = _one(hit, len(repos) > 1, num_lines, whole)
        if size + len(part) > MAX_CHARS and number:
            parts.append(f"({num - number} more left out for their length; ask for fewer lines or a narrower query)")
            break
        parts.append(part[:MAX_CHARS])
        size += len(part) + 2
    return "\n\n".join(parts)


def _one(hit: Hit, several: bool, num_lines: int, whole: bool) -> str:
    path = (hit.root / hit.path).as_posix() if several else hit.path
    head = f"{path}:{hit.line}-{hit.end_line}  {hit.kind} {hit.qualified_name}".rstrip()
    if hit.folded:
        alike = ", ".join(f"{other}:{line}" for other, line in hit.folded[:5])
        head += f"\n(alike: {alike}{', …' if len(hit.folded) > 5 else ''})"
    if not num_lines:
        return f"{head}\n{hit.signature[:_MAX_LINE]}".rstrip()
    if whole:
        first, text = hit.entry.top_line, hit.text
    else:
        snippet = hit.snippet(num_lines)
        first, text = snippet.line, snippet.text
    code = text.split("\n")
    width = len(str(first + len(code)))
    shown = [f"{number:>{width}} | {line[:_MAX_LINE]}".rstrip() for number, line in enumerate(code[:num_lines], first)]
    last = first + len(shown) - 1
    if last < hit.end_line:
        shown.append(f"{'':>{width}} | … to line {hit.end_line}")
    return "\n".join([head, *shown])
