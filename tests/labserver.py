"""Runs a real JupyterLab with our extension, as built in editors/jupyterlab, on settings and files of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

__all__ = ["EXTENSION", "LabServer", "write_notebook"]

FOLDER = Path(__file__).parents[1] / "editors" / "jupyterlab"
EXTENSION = FOLDER / "codling_jupyter" / "labextensions"
_PATIENCE_S = 90  # a machine that is busy with other tests
_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # so that there is something behind the cursor that must not be doubled
    "notebook-extension/tracker": {"codeCellConfig": {"autoClosingBrackets": True}},
}


_LEFT_OUT = dict.fromkeys(["jupyter_lsp", "jupyter_server_terminals", "jupyterlab", "notebook_shim"], False)


class LabServer:
    """A running JupyterLab; ``url`` is its address with the slash, ``token`` what it asks for."""

    token = "e2e"

    def __init__(self, folder: Path, *more: str, page: bool = True, home: Path | None = None) -> None:
        """Start it.

        Args:
            folder: a new one; notebooks are in its `files`.
            more: arguments for the command.
            page: JupyterLab itself, too; else only Jupyter's server, which is quicker.
            home: codling's; a new one by default.
        """
        self.files, self.home = folder / "files", home or folder / "home"
        self.files.mkdir(parents=True)
        for name, values in _SETTINGS.items():
            path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        places = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        environment = {name: str(folder / each) for name, each in places.items()}
        environment |= {"CODLING_HOME": str(self.home), "PYTHONPATH": str(FOLDER)}
        command = [sys.executable, "-m", "jupyterlab" if page else "jupyter_server"]
        command += ["--no-browser", "--allow-root", "--port=0", *more]
        command += [
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.files}",
            *([f"--LabApp.extra_labextensions_path={EXTENSION}"] if page else []),
            f"--ServerApp.jpserver_extensions={ {'codling_jupyter': True} | ({} if page else _LEFT_OUT) }",
        ]
        self.log = folder / "log.txt"
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | environment)
        self.url = self.wait_for(r"(http://127\.0\.0\.1:\d+/)(?:lab)?\?token")

    def wait_for(self, pattern: str, number: int = 1) -> str:
        """Wait until its log says something so many times; the first group of the last one."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            said = self.log.read_text(encoding="utf-8")
            found = re.findall(pattern, said)
            if len(found) >= number:
                return str(found[number - 1])
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError(f"JupyterLab never said {pattern!r}: {self.log.read_text(encoding='utf-8')}")

    @property
    def codlings(self) -> list[psutil.Process]:
        """The `codling serve` that it started."""
        return [each for each in psutil.Process(self.process.pid).children() if "codling" in each.cmdline()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def write_notebook(path: Path, cells: Sequence[tuple[str, str]]) -> None:
    """A notebook of Python: kind ("code" or "markdown") and source of each cell."""
    rows = []
    for index, (kind, source) in enumerate(cells):
        row = {"id": f"cell-{index}", "cell_type": kind, "metadata": {}, "source": source}
        rows.append(row | ({"outputs": [], "execution_count": None} if kind == "code" else {}))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "mimetype": "text/x-python", "codemirror_mode": {"name": "ipython"}},
    }
    notebook = {"cells": rows, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")
