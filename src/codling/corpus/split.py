"""Which projects train a model and which test it: whole projects, by a seeded hash of their names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["SPLITS", "SplitConfig", "normalised", "split_of", "stays_out"]

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """How projects are dealt out."""

    seed: int = 0
    valid: float = 0.02
    "Share of the projects, in [0, 1]."
    test: float = 0.02
    by: Literal["project", "file"] = "project"
    "Deal out files instead of projects: for one's own code, where there is only one project; scores flatter then."


def normalised(name: str) -> str:
    """A project's name as PEP 503 compares it: lower case, one hyphen for any run of -, _ and dots."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def stays_out(project: str, without: Iterable[str]) -> bool:
    """Whether a project is among those that are left out: by its name, or by a part of it between hyphens."""
    parts = f"-{normalised(project)}-"
    return any(f"-{normalised(each)}-" in parts for each in without)


def split_of(project: str, path: str, pins: Mapping[str, str], config: SplitConfig) -> str:
    """The split of a file. Adding a project moves no other: each is hashed for itself.

    Args:
        pins: splits by normalised project name; they win.
    """
    project = normalised(project)
    if project in pins:
        return pins[project]
    text = f"{config.seed}\0{project}" + (f"\0{path}" if config.by == "file" else "")
    draw = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:8], "big") / 2**64
    if draw < config.test:
        return "test"
    return "valid" if draw < config.test + config.valid else "train"
