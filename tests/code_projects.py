"""Real code to search in: some of the standard library, in a folder of its own."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

__all__ = ["PACKAGES", "copy_package", "write"]

PACKAGES = Path(sysconfig.get_path("stdlib"))


def copy_package(folder: Path, *names: str) -> Path:
    """Copy packages or modules of the standard library; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        source = PACKAGES / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "test*"))
        else:
            shutil.copy(source, folder / name)
    return folder


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
