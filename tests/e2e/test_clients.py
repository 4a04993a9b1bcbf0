"""Other people's clients from npm, unmodified, in Node: tests/clients. `npm ci` there brings them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
