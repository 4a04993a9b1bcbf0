"""Python's standard library as texts: real code that lies on every machine, and is nobody's own project."""

from __future__ import annotations

import hashlib
import sysconfig
from pathlib import Path
from typing import Any

from codling.config import from_mapping
from codling.corpus.clean import CleanConfig, Cleaned, clean

__all__ = ["standard_library"]

_PACKAGES = ("asyncio", "concurrent/futures", "email", "http", "importlib", "json", "logging", "sqlite3", "unittest")
_MIN_CHARS = 1_000  # of a module; smaller ones only hand names on
_MAX_CHARS = 30_000  # larger ones would speak for all


def standard_library(cleaning: dict[str, Any], *, max_chars: int, part: int = 0) -> dict[str, str]:
    """Cleaned texts of modules by name, always the same ones on one version of Python; empty where it has no sources.

    Args:
        cleaning: as a bundle's card gives it.
        max_chars: of all texts together.
        part: 0 or 1; the two have no module in common.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    paths = [*folder.glob("*.py"), *(path for name in _PACKAGES for path in (folder / name).glob("*.py"))]
    drawn = sorted((hashlib.sha256(path.relative_to(folder).as_posix().encode()).digest(), path) for path in paths)
    config, found, num_chars = from_mapping(CleanConfig, cleaning), dict[str, str](), 0
    for digest, path in drawn:
        if digest[-1] % 2 != part:
            continue
        try:
            result = clean(path.read_bytes(), "python", config)
        except OSError:
            continue
        if isinstance(result, Cleaned) and _MIN_CHARS <= len(result.text) <= _MAX_CHARS:
            num_chars += len(result.text)
            if num_chars > max_chars:
                break
            found[path.relative_to(folder).as_posix()] = result.text
    return found
