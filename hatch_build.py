"""Builds the page before a wheel or a source archive is packed, when it has not been built yet."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface[Any]):
    """A checkout needs Node to become a wheel; a source archive carries the page and needs none."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling passes it
        root = Path(self.root)
        page = root / "src" / "codling" / "serve" / "page" / "index.html"
        if version == "editable" or page.is_file():  # who works on codling builds the page with `make page`
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                "the page that codling serves is not built, and there is no npm to build it: install Node 20 or newer"
            )
        for command in (["ci", "--no-progress", "--loglevel=error"], ["run", "--silent", "build"]):
            subprocess.run([npm, *command], cwd=root / "web", check=True)
        if not page.is_file():
            raise RuntimeError(f"npm built no {page}")
