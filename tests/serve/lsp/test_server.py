"""`codling lsp` as a process, and a client that speaks with it as an editor does."""

from __future__ import annotations

import asyncio
import bisect
import colorsys
import fnmatch
import json.decoder
import numbers
import shutil
import string
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from chain_bundle import LINE
from editing import Editing, running
from trainable_bundle import trainable_bundle

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(chain: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editing]:
    """One server for most tests: they differ by the texts that they open."""
    async with running("--model", chain, home=tmp_path_factory.mktemp("home")) as editing:
        editing.result = await editing.initialize()
        yield editing


@pytest_asyncio.fixture(loop_scope="module")
async def editing(session: Editing) -> AsyncIterator[Editing]:
    await session.ready()
    yield session
    session.configure({})


async def test_progress_of_an_index_begins_and_ends(chain: Path, tmp_path: Path) -> None:
    project = tmp_path / "fish"
    shutil.copytree(Path(json.__file__).parent, project)
    async with running("--model", chain, home=tmp_path / "home") as editing:
        await editing.initialize(folders=[project])
        await editing.indexed()
        await asyncio.sleep(0.5)  # as long as two looks
        for reports in editing.client.progress_reports.values():
            kinds = [type(report) for report in reports]
            assert kinds[0] is types.WorkDoneProgressBegin
            assert kinds[-1] is types.WorkDoneProgressEnd
            assert "indexing fish" in reports[0].title


async def test_says_what_it_can(editing: Editing) -> None:
    assert editing.result is not None
    can = editing.result.capabilities
    assert can.inline_completion_provider
    assert can.completion_provider
    assert can.workspace_symbol_provider
    assert isinstance(can.text_document_sync, types.TextDocumentSyncOptions)
    assert can.text_document_sync.change == types.TextDocumentSyncKind.Incremental
    assert can.execute_command_provider is not None
    assert "codling.accepted" in can.execute_command_provider.commands


async def test_positions_count_utf_16_units(editing: Editing) -> None:
    await _columns(editing, "utf-16", 7)


async def test_positions_count_what_the_client_prefers(chain: Path, tmp_path: Path) -> None:
    async with running("--model", chain, home=tmp_path) as editing:
        editing.result = await editing.initialize(encodings=["utf-8", "utf-16"])
        await _columns(editing, "utf-8", 9)


async def _columns(editing: Editing, encoding: str, column: int) -> None:
    """A cursor behind the full stop of ``"🐟".``, in the second line, for neither \\f nor U+2028 ends one."""
    assert editing.result is not None
    assert editing.result.capabilities.position_encoding == encoding
    uri = editing.open('\x0c\u2028x\na "🐟".\n')
    (item,) = await editing.some_ghosts(uri, 1, column)
    assert item.insert_text == LINE
    column += column - 5  # another fish
    editing.edit(uri, "🐟", (1, 3))
    editing.edit(uri, "z", (1, column), (1, column))
    assert await editing.ghosts(uri, 1, column + 1) == []
    editing.edit(uri, ".", (1, column), (1, column + 1))
    (item,) = await editing.some_ghosts(uri, 1, column + 1)
    assert item.insert_text == LINE


async def test_ghost_text_follows_what_is_typed(editing: Editing) -> None:
    uri = editing.open("fish = that")
    assert await editing.ghosts(uri, 0, 11) == []
    editing.edit(uri, ".", (0, 11))
    (first,) = await editing.some_ghosts(uri, 0, 12)
    assert first.insert_text == LINE
    editing.edit(uri, LINE[:4], (0, 12))
    (rest,) = await editing.some_ghosts(uri, 0, 16)
    assert rest.insert_text == LINE[4:]
    assert first.command is not None
    assert rest.command is not None
    assert rest.command.arguments == first.command.arguments  # the same suggestion still
    assert rest.range == types.Range(types.Position(0, 16), types.Position(0, 16))


async def test_nothing_comes_unasked_after_a_backspace(editing: Editing) -> None:
    uri = editing.open("fish = tank.a")
    editing.edit(uri, "", (0, 12), (0, 13))
    assert await editing.ghosts(uri, 0, 12) == []
    assert (await editing.some_ghosts(uri, 0, 12, asked=True))[0].insert_text == LINE


async def test_alternatives_begin_with_what_is_shown(editing: Editing) -> None:
    uri = editing.open("fish = tank.")
    (shown,) = await editing.some_ghosts(uri, 0, 12)
    items = await editing.some_ghosts(uri, 0, 12, asked=True)
    assert items[0] == shown
    assert len({item.insert_text for item in items}) == len(items) <= 3
    editing.configure({"alternativesAtOnce": True})
    assert [item.insert_text for item in await editing.some_ghosts(uri, 0, 12)] == [each.insert_text for each in items]


async def test_ghost_text_goes_on_behind_an_entry_of_the_list(editing: Editing) -> None:
    uri = editing.open("fish = ta")
    (item,) = await editing.some_ghosts(uri, 0, 9, selected=(7, 9, "tank."))
    assert item.insert_text == "tank." + LINE
    assert item.range == types.Range(types.Position(0, 7), types.Position(0, 9))
    assert await editing.ghosts(uri, 0, 9, selected=(7, 9, "other.")) == []


async def test_a_comment_offers_its_program_by_choice(editing: Editing) -> None:
    uri = editing.open("def f(self):\n    # import module os.path\n    \n")
    assert all("import" not in item.insert_text for item in await editing.ghosts(uri, 2, 4, asked=True))
    editing.configure({"fromComments": True, "threshold": 1.0})  # which is about other ghost text
    (item,) = await editing.some_ghosts(uri, 2, 4)
    assert item.insert_text == "import os.path"
    first, *_ = await editing.some_ghosts(uri, 2, 4, asked=True)
    assert first.insert_text == "import os.path"
    editing.edit(uri, "import", (2, 4))
    rest, *_ = await editing.some_ghosts(uri, 2, 10)
    assert rest.insert_text == " os.path"  # typed along, without the writer
    assert item.command is not None and rest.command is not None
    assert rest.command.arguments == item.command.arguments


async def test_brackets_that_are_there_are_not_doubled(editing: Editing) -> None:
    uri = editing.open("fish(tank.)")
    (item,) = await editing.some_ghosts(uri, 0, 10)
    assert item.insert_text.count(")") == item.insert_text.count("(")


async def test_next_tokens_are_ranked_and_replace_the_word(editing: Editing) -> None:
    uri = editing.open("fish = tank.mo")
    items = await editing.tokens(uri, 0, 14)
    assert items[0].label == "mode"
    assert items[0].detail is not None
    assert items[0].detail.endswith("%")
    assert items[0].text_edit == types.TextEdit(types.Range(types.Position(0, 12), types.Position(0, 14)), "mode")
    assert [item.sort_text for item in items] == sorted(item.sort_text or "" for item in items)


@pytest.mark.parametrize(
    ("settings", "text", "language", "uri"),
    [
        ({"enabled": False}, "x.", "python", "file:///fish/tank.py"),
        ({"languages": {"python": False}}, "x.", "python", "file:///fish/tank.py"),
        ({}, "x.", "cobol", "file:///fish/tank.cbl"),
        ({"exclude": ["tank.*"]}, "x.", "python", "file:///fish/tank.py"),
        ({}, "x.", "python", "file:///fish/.env"),
        ({}, "# x.", "python", "file:///fish/tank.py"),
        ({"inStrings": False}, "y = 'x.", "python", "file:///fish/tank.py"),
        ({"threshold": 1}, "x.", "python", "file:///fish/tank.py"),
    ],
)
async def test_off_switches(editing: Editing, settings: dict[str, object], text: str, language: str, uri: str) -> None:
    editing.configure(settings)
    editing.open(text, uri, language)
    assert await editing.ghosts(uri, 0, len(text)) == []
    editing.configure({"inComments": True, "languages": {language: True}, "exclude": []})
    assert (await editing.some_ghosts(uri, 0, len(text), asked=True))[0].insert_text.startswith("mode")


async def test_wrong_settings_are_said_and_the_others_count(chain: Path, tmp_path: Path) -> None:
    async with running("--model", chain, home=tmp_path) as editing:
        await editing.initialize(inComment=True, kind="page", languages={"cobol": True})
        await editing.ready()
        uri = editing.open("x.", language="cobol")
        assert await editing.some_ghosts(uri, 0, 2)
        words = [message.message for message in editing.client.messages]
    assert any("inComment" in each and "did you mean 'inComments'?" in each for each in words)
    assert any("kind" in each for each in words)


async def test_a_model_that_is_not_there_is_said_once_and_nothing_breaks(tmp_path: Path) -> None:
    async with running("--model", tmp_path / "nowhere", home=tmp_path) as editing:
        await editing.initialize()
        uri = editing.open("x.")
        for _ in range(3):
            assert await editing.ghosts(uri, 0, 2) == []
        status = await editing.request("codling/status")
        assert status.state == "error"
        assert "nowhere" in status.error
        assert len(editing.client.messages) == 1


async def test_requests_for_what_is_not_there_are_errors_with_a_reason(editing: Editing) -> None:
    uri = editing.open("x.")
    for where, row, column, words in (
        ("file:///never/opened.py", 0, 0, "is not open"),
        (uri, 7, 0, "has lines 0 to 0"),
    ):
        with pytest.raises(JsonRpcException, match=words):
            await editing.ghosts(where, row, column)
    assert (await editing.some_ghosts(uri, 0, 99_999))[0].insert_text == LINE  # beyond a line's end means its end
    with pytest.raises(JsonRpcException):
        await editing.command("codling.accepted", "one")
    with pytest.raises(JsonRpcException, match="unknown field"):
        await editing.request("codling/search", {"query": "x", "wat": 1})


async def test_a_text_beyond_all_bounds_gets_nothing(editing: Editing) -> None:
    uri = editing.open("x = 1\n" * 200_000)
    assert await editing.ghosts(uri, 0, 0) == []
    assert await editing.some_ghosts(editing.open("x.", "untitled:Untitled-1"), 0, 2)


async def test_a_newer_request_overtakes(editing: Editing) -> None:
    uri = editing.open("x = 1\n" * 3_000 + "x.")
    older = asyncio.create_task(editing.ghosts(uri, 3_000, 2))
    newer = asyncio.create_task(editing.ghosts(uri, 3_000, 2))
    assert (await newer)[0].insert_text == LINE
    assert await older in ([], await newer)


async def test_stale_and_cancelled_requests_cost_nothing(tmp_path: Path) -> None:
    """A text that was never read takes a real model a while; nobody waits for it."""
    code = Path(json.decoder.__file__).read_text(encoding="utf-8")
    async with running("--model", "python", home=tmp_path) as editing:
        await editing.initialize()
        await editing.ready()
        uri = editing.open(code + "\nimport nu")
        row = code.count("\n") + 1
        stale = asyncio.create_task(editing.ghosts(uri, row, 9))
        await asyncio.sleep(0)
        editing.edit(uri, "m", (row, 9))
        assert await stale == []
        other = editing.open(code[::-1] + "\nimport nu")
        cancelled = editing.client.protocol.send_request(
            "textDocument/inlineCompletion", editing.asking(other, row, 9), msg_id="gone"
        )
        editing.client.cancel_request(types.CancelParams(id="gone"))
        with pytest.raises(JsonRpcException, match="cancel"):
            await asyncio.wrap_future(cancelled)
        assert (await editing.some_ghosts(uri, row, 10))[0].insert_text.startswith("py")


async def test_what_was_shown_and_accepted_is_counted(chain: Path, tmp_path: Path) -> None:
    async with running("--model", chain, home=tmp_path / "home") as editing:
        await editing.initialize()
        await _accept(editing, tmp_path / "home" / "acceptance.sqlite")


async def _accept(editing: Editing, kept: Path) -> None:
    uri = editing.open("fish = tank.")
    for _ in range(3):
        (item,) = await editing.some_ghosts(uri, 0, 12)
    assert item.command is not None
    (number,) = item.command.arguments or ()
    await editing.command("codling.accepted", number, 4)
    editing.edit(uri, LINE[:4], (0, 12))
    (item,) = await editing.some_ghosts(uri, 0, 16)
    await editing.command("codling.accepted", number)
    await editing.command("codling.accepted", number)  # again, by mistake: nothing is left of it
    await editing.end()
    counted = await editing.stats()
    assert (counted["shown"], counted["accepted"], counted["chars_saved"]) == (1, 1, len(LINE))
    assert list(counted["languages"]) == ["python"]
    assert list(counted["clients"]) == ["test editor"]
    assert b"mode(" not in kept.read_bytes()
    assert b"tank" not in kept.read_bytes()


async def test_a_threshold_that_was_set_counts(chain: Path, tmp_path: Path) -> None:
    async with running("--model", chain, home=tmp_path) as editing:
        await editing.stats("--set-threshold", "1")
        await editing.initialize()
        await editing.ready()
        uri = editing.open("x.")
        assert await editing.ghosts(uri, 0, 2) == []
        assert await editing.some_ghosts(uri, 0, 2, asked=True)


async def test_symbols_and_search_of_the_workspace(chain: Path, tmp_path: Path) -> None:
    project = tmp_path / "fish"
    project.mkdir()
    (project / "tank.py").write_text(
        'def feed_the_fish(food):\n    return "🐟" + food\n\n\nclass Tank:\n    def clean(self):\n        pass\n',
        encoding="utf-8",
    )
    async with running("--model", chain, home=tmp_path / "home") as editing:
        await editing.initialize(folders=[project])
        await editing.indexed()
        (symbol, *_) = await editing.symbols("feedFish")
        assert symbol.name == "feed_the_fish"
        assert isinstance(symbol.location, types.Location)
        assert symbol.location.uri == (project / "tank.py").as_uri()
        assert symbol.location.range == types.Range(types.Position(0, 4), types.Position(0, 17))
        (method,) = [each for each in await editing.symbols("clean") if each.name == "clean"]
        assert method.container_name == "Tank"
        assert await editing.symbols("  ") == []
        found = await editing.request("codling/search", {"query": "kind:class tank"})
        assert found.hits[0].uri == (project / "tank.py").as_uri()


async def test_adapting_says_why_it_cannot(chain: Path, tmp_path: Path) -> None:
    project = tmp_path / "fish"
    project.mkdir()
    async with running("--model", chain, home=tmp_path / "home") as editing:
        await editing.initialize(folders=[project], index=False)
        await editing.ready()
        for arguments in ([tmp_path.as_uri()], ["wat"], [7], [project.as_uri(), 1]):
            with pytest.raises(JsonRpcException, match="takes the URI"):
                await editing.command("codling.adapt", *arguments)
        with pytest.raises(JsonRpcException, match="cannot be trained"):  # the chain has no network
            await editing.command("codling.adapt", project.as_uri())
        reports = [reports for reports in editing.client.progress_reports.values() if "adapting" in reports[0].title]
        assert [type(each[-1]) for each in reports] == [types.WorkDoneProgressEnd]


async def test_adapting_makes_a_model_that_can_be_used_and_can_be_cancelled(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    base = trainable_bundle(tmp_path / "base" / "python").path
    project = tmp_path / "my fish"
    project.mkdir()
    for module in (bisect, colorsys, fnmatch, numbers, string):
        shutil.copy(str(module.__file__), project)
    (project / "typing.py").write_text("raise RuntimeError('a file of the project was run')", encoding="utf-8")
    async with running("--model", base, home=tmp_path / "home", cwd=project) as editing:  # as most editors start it
        await editing.initialize(folders=[project], index=False, project=False)
        await editing.ready()
        adapting = asyncio.ensure_future(editing.command("codling.adapt", project.as_uri()))
        reports = await _progress(editing, "adapting to my fish")
        assert isinstance(reports[0], types.WorkDoneProgressBegin)
        assert reports[0].cancellable
        with pytest.raises(JsonRpcException, match="being adapted already"):
            await editing.command("codling.adapt", project.as_uri())
        (token,) = editing.client.progress_reports
        editing.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token=token))
        with pytest.raises(JsonRpcException, match="cancelled; the same command goes on"):
            await adapting
        assert isinstance(reports[-1], types.WorkDoneProgressEnd)

        result = await editing.command("codling.adapt", project.as_uri())
        made = Path(result["model"])
        assert made.is_dir()
        assert made.is_relative_to(tmp_path / "home")
        editing.configure({"model": str(made), "index": False, "project": False})
        uri = editing.open("import textwrap\n\nfor x in ")
        async with asyncio.timeout(60):
            while (await editing.request("codling/status")).model != made.name:
                await editing.ghosts(uri, 2, 9, asked=True)


async def _progress(editing: Editing, title: str) -> list[Any]:
    """The reports of a progress bar, once it has begun."""
    async with asyncio.timeout(60):
        while True:
            for reports in editing.client.progress_reports.values():
                if reports and title in reports[0].title:
                    return reports
            await asyncio.sleep(0.05)


async def test_names_of_the_workspaces_other_files_are_suggested(tmp_path: Path) -> None:
    project = tmp_path / "fish"
    project.mkdir()
    (project / "names.py").write_text("overflowing_aquarium_pump = 1\n" * 3, encoding="utf-8")
    uri = (project / "tank.py").as_uri()
    async with running("--model", "python", home=tmp_path / "home") as editing:
        await editing.initialize(folders=[project], index=False)
        editing.open("x = overflowing_aq", uri)
        async with asyncio.timeout(60):  # the folder is read in the background
            while [item.label for item in await editing.tokens(uri, 0, 18)][:1] != ["overflowing_aquarium_pump"]:
                await asyncio.sleep(0.1)


async def test_ends_when_its_editor_goes(chain: Path, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "codling", "lsp", "--model", str(chain),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(b"Content-Length: 2\r\n\r\n{}"), 60)
    assert (process.returncode, out, err) == (0, b"", b"")
