"""The Lua file of editors/neovim in a real Neovim, headless: $NVIM_PROGRAM, or the one on the path."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chain_bundle import LINE, chain_bundle

pytestmark = pytest.mark.e2e

PLUGIN = Path(__file__).parents[2] / "editors" / "neovim"
_PATIENCE_S = 120

SCRIPT = r"""
local function wait(what) assert(vim.wait(60000, what, 20), 'it took too long') end
vim.cmd.edit('tank.py')
vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'a = "🐟".' })
wait(function() return #vim.lsp.get_clients({ name = 'codling' }) > 0 end)
local client = vim.lsp.get_clients({ name = 'codling' })[1]
wait(function() return client.initialized end)
local where = { textDocument = vim.lsp.util.make_text_document_params(0) }
local encoding = client.offset_encoding
where.position = { line = 0, character = vim.str_utfindex('a = "🐟".', encoding) }
where.context = { triggerKind = 1 }
local out = { encoding = encoding }
out.inline = client:request_sync('textDocument/inlineCompletion', where, 60000, 0)
out.tokens = client:request_sync('textDocument/completion', where, 60000, 0)
out.status = client:request_sync('codling/status', vim.empty_dict(), 60000, 0)
vim.cmd('Codling off')
out.off = client:request_sync('textDocument/inlineCompletion', where, 60000, 0)
vim.cmd('Codling on')
io.stdout:write('ANSWER ' .. vim.json.encode(out) .. '\n')
vim.cmd('qall!')
"""

GHOST = r"""
local function wait(what) assert(vim.wait(60000, what, 20), 'it took too long') end
vim.cmd.edit('tank.py')
wait(function() return #vim.lsp.get_clients({ name = 'codling' }) > 0 end)
wait(function() return vim.lsp.get_clients({ name = 'codling' })[1].initialized end)
local function ghost()
  for _, id in pairs(vim.api.nvim_get_namespaces()) do
    for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, id, 0, -1, { details = true })) do
      if mark[4].virt_text then return mark[4].virt_text[1][1] end
    end
  end
end
local function line() return vim.api.nvim_get_current_line() end
local out = { shown = {} }
-- What a person does next, as soon as they see what they wait for.
local steps = {
  { ghost, '<M-]>' },
  { function() return ghost() ~= out.shown[1] and ghost() end, '<M-[>' },
  { function() return ghost() == out.shown[1] and ghost() end, '<Tab>' },
  { function() return line() ~= 'tank.' and line() end, '<CR><Tab>b' },
  { function() return vim.api.nvim_buf_line_count(0) == 2 and line() end, '<Esc>' },
}
local timer = vim.uv.new_timer()
timer:start(50, 50, vim.schedule_wrap(function()
  local seen = steps[1] and steps[1][1]()
  if seen then
    table.insert(out.shown, seen)
    vim.api.nvim_feedkeys(vim.keycode(table.remove(steps, 1)[2]), 't', false)
  end
end))
vim.api.nvim_feedkeys(vim.keycode('itank.'), 'tx!', false)
out.lines, out.error = vim.api.nvim_buf_get_lines(0, 0, -1, false), vim.v.errmsg
io.stdout:write('ANSWER ' .. vim.json.encode(out) .. '\n')
vim.cmd('qall!')
"""


@pytest.fixture(scope="module")
def neovim() -> tuple[str, tuple[int, int]]:
    program = os.environ.get("NVIM_PROGRAM") or shutil.which("nvim")
    if program is None:
        pytest.skip("there is no Neovim here")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"NVIM v(\d+)\.(\d+)", said)
    assert found is not None, said
    version = int(found[1]), int(found[2])
    if version < (0, 11):
        pytest.skip(f"this Neovim is {version[0]}.{version[1]}; 0.11 is the first that could run it")
    return program, version


def run(program: str, script: str, folder: Path) -> dict[str, Any]:
    """What a script says that runs in a Neovim with the plug-in and no other configuration."""
    model = chain_bundle(folder)
    cmd = [sys.executable, "-m", "codling", "lsp", "--model", str(model)]
    (folder / "script.lua").write_text(script, encoding="utf-8")
    (folder / "init.lua").write_text(
        f"vim.g.codling = {{ cmd = vim.json.decode([==[{json.dumps(cmd)}]==]), filetypes = {{ 'python' }} }}\n"
        f"vim.opt.runtimepath:append([==[{PLUGIN}]==])\n",
        encoding="utf-8",
    )
    (folder / "pyproject.toml").write_text("", encoding="utf-8")
    done = subprocess.run(
        [program, "--headless", "-u", "init.lua", "-i", "NONE", "-S", "script.lua"],
        cwd=folder,
        env=os.environ | {"CODLING_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    answers = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert answers, done.stdout + done.stderr
    return dict(json.loads(answers[0].removeprefix("ANSWER ")))


def test_it_connects_and_suggests(neovim: tuple[str, tuple[int, int]], tmp_path: Path) -> None:
    answer = run(neovim[0], SCRIPT, tmp_path)
    assert answer["encoding"] in ("utf-8", "utf-16")
    assert answer["inline"]["result"]["items"][0]["insertText"] == LINE
    assert answer["tokens"]["result"]["items"][0]["label"] == "mode"
    assert answer["status"]["result"]["state"] == "ready"
    assert not answer["off"]  # null


def test_ghost_text_is_shown_cycles_and_tab_takes_it(neovim: tuple[str, tuple[int, int]], tmp_path: Path) -> None:
    if neovim[1] < (0, 12):
        pytest.skip("inline completion came with Neovim 0.12")
    answer = run(neovim[0], GHOST, tmp_path)
    first, other, again, *_ = answer["shown"]
    assert first == again == LINE
    assert other != LINE
    assert answer["lines"] == [f"tank.{LINE}", "    b"]  # where nothing is shown, Tab is what it was
    assert answer["error"] == ""
