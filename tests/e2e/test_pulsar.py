"""The package of editors/pulsar in Node, under Pulsar's API, against the real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chain_bundle import LINE, chain_bundle

PACKAGE = Path(__file__).parents[2] / "editors" / "pulsar"


@pytest.mark.e2e
def test_the_package_in_node(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node here")
    command = [sys.executable, "-m", "codling", "lsp", "--model", str(chain_bundle(tmp_path))]
    env = {"CODLING_LSP": json.dumps(command), "CODLING_LINE": LINE, "CODLING_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [node, "--test", str(PACKAGE / "test" / "package.test.js")],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
