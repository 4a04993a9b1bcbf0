"""Other people's clients from npm, unmodified, in Node and in a browser: tests/clients. `npm ci` there brings them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from chain_bundle import LINE, chain_bundle
from serving import Serving

CLIENTS = Path(__file__).parents[1] / "clients"


@pytest.mark.e2e
def test_clients_of_others_in_node(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node here")
    if not (CLIENTS / "node_modules").is_dir():
        pytest.skip("the clients are not installed; `npm ci` in tests/clients does it")
    chain = chain_bundle(tmp_path)
    env = {"CODLING_HOME": str(tmp_path / "home"), "CODLING_LINE": LINE}
    env["CODLING_LSP"] = json.dumps([sys.executable, "-m", "codling", "lsp", "--model", str(chain)])
    with Serving("--model", chain, env=env) as serving:
        done = subprocess.run(
            [node, "--test"],
            cwd=CLIENTS,
            env=os.environ | env | {"CODLING_URL": serving.url},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.e2e
def test_codemirror_copilot_in_a_browser(tmp_path: Path, browser: Browser) -> None:
    esbuild = CLIENTS / "node_modules" / ".bin" / "esbuild"
    if not esbuild.exists():
        pytest.skip("the clients are not installed; `npm ci` in tests/clients does it")
    script = tmp_path / "copilot.js"
    flags = ["--bundle", "--format=iife", f"--outfile={script}", "--log-level=error"]
    subprocess.run([esbuild, CLIENTS / "copilot.mjs", *flags], check=True)
    with Serving("--model", chain_bundle(tmp_path), env={"CODLING_HOME": str(tmp_path / "home")}) as serving:
        page = browser.new_page()
        try:
            # A page of the server's own origin: to one from elsewhere it would not answer.
            page.route("**/copilot.html", lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
            page.goto(f"{serving.url}copilot.html")
            page.add_script_tag(content=script.read_text(encoding="utf-8"))
            content = page.locator(".cm-content")
            content.click()
            page.keyboard.type('f("🐟", x.')
            ghost = page.locator(".cm-inline-suggestion")
            expect(ghost).to_have_text(LINE)
            page.keyboard.press("Tab")
            expect(content).to_have_text(f'f("🐟", x.{LINE}')
        finally:
            page.close()
