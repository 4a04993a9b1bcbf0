"""The wheel of the extension: what is in it, and what Jupyter says of it once its files lie where pip puts them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from labserver import EXTENSION, FOLDER

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(importlib.util.find_spec("jupyterlab") is None, reason="jupyterlab is not installed"),
    pytest.mark.skipif(not EXTENSION.is_dir(), reason="the extension is not built: run `make jupyterlab`"),
]

DATA = "codling_jupyter-0.1.0.data/data/"


def test_both_parts_are_in_the_wheel_where_jupyter_looks(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(FOLDER)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 500_000
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert sum(name.endswith(".js") and "remoteEntry" in name for name in names) == 1
    assert not any("node_modules" in name or name.startswith("codling_jupyter/labextensions") for name in names)
    data = tmp_path / "site" / DATA
    config = data / "etc" / "jupyter" / "jupyter_server_config.d" / "codling_jupyter.json"
    assert json.loads(config.read_bytes()) == {"ServerApp": {"jpserver_extensions": {"codling_jupyter": True}}}
    environment = {"JUPYTER_PATH": str(data / "share" / "jupyter"), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    command = [sys.executable, "-m", "jupyter", "labextension", "list"]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=200, check=False
    )
    (line,) = (line for line in (done.stdout + done.stderr).splitlines() if "codling-jupyter v" in line)
    assert "enabled" in line and "OK" in line
