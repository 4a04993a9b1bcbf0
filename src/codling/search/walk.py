"""Which files of a folder are indexed: code in every language of the table, and text that people write about it."""

from __future__ import annotations

import posixpath
from pathlib import Path

from codling.corpus.readers import SKIPPED_FOLDERS, list_folder
from codling.errors import InputError
from codling.search.languages import language_of
from codling.search.places import IndexOptions

__all__ = ["environment_root", "files_of", "is_indexed"]

_TEXT_SUFFIXES = frozenset(
    (
        *(".md", ".markdown", ".mdx", ".rst", ".txt", ".adoc", ".org", ".tex"),
        *(
            ".toml",
            ".yaml",
            ".yml",
            ".ini",
            ".cfg",
            ".conf",
            ".properties",
            ".gradle",
            ".cmake",
            ".bazel",
            ".bzl",
            ".nix",
        ),
        *(".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat", ".sql", ".graphql", ".proto", ".thrift", ".tf", ".xml"),
        *(".html", ".htm", ".css", ".scss", ".less", ".vue", ".svelte", ".astro", ".jinja", ".j2", ".tmpl", ".json"),
        *(".swift", ".scala", ".sbt", ".dart", ".lua", ".pl", ".pm", ".r", ".jl", ".ex", ".exs", ".erl", ".hs", ".ml"),
        *(
            ".clj",
            ".cljs",
            ".groovy",
            ".m",
            ".mm",
            ".zig",
            ".nim",
            ".v",
            ".vhd",
            ".f90",
            ".f",
            ".asm",
            ".s",
            ".pyx",
            ".pxd",
        ),
    )
)
_TEXT_NAMES = frozenset(("makefile", "dockerfile", "jenkinsfile", "rakefile", "gemfile", "cmakelists.txt", "justfile"))
_GENERATED = (".min.js", ".min.css", ".bundle.js", ".map", "-lock.json", ".lock.json", "pnpm-lock.yaml", "_pb2.py")
_NOT_IN_ENVIRONMENTS = frozenset(("__pycache__", "node_modules", ".git"))


def is_indexed(path: str) -> bool:
    """Whether a file's name says that somebody wrote it and may want to find it."""
    name = posixpath.basename(path).lower()
    if name.endswith(_GENERATED):
        return False
    return language_of(path) is not None or posixpath.splitext(name)[1] in _TEXT_SUFFIXES or name in _TEXT_NAMES


def files_of(root: Path, options: IndexOptions) -> list[str]:
    """Paths below a root with / between folders, sorted; what .gitignore names and build outputs stay out."""
    if options.scope == "environment":
        return list_folder(root, lambda path: path.endswith((".py", ".pyi")), _NOT_IN_ENVIRONMENTS)
    return list_folder(root, is_indexed, SKIPPED_FOLDERS)


def environment_root(environment: Path) -> Path:
    """The folder of a Python environment's installed packages.

    Raises:
        InputError: it is no environment.
    """
    if environment.name == "site-packages" and environment.is_dir():
        return environment.resolve()
    found = sorted([*environment.glob("lib/python3*/site-packages"), *environment.glob("Lib/site-packages")])
    if not found:
        raise InputError(f"{environment} is no Python environment: it has no lib/python3*/site-packages")
    return found[-1].resolve()
