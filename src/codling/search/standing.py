"""Where a unit stands in its project, by its path: the code itself, its tests, its examples, somebody else's code."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from codling.search.intent import stems

__all__ = ["Standing", "file_words", "standing_of"]

_TEST = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|__tests__|testdata|test[-_]?data|fixtures?|mocks?|e2e)/"
    r"|(?:^|/)(?:test_|conftest\.)[^/]*$|(?:_test|_tests|_spec|[.-]test|[.-]spec|[a-z\d](?:Tests?|TestCase|IT|Spec))\.\w+$"
)
_VENDORED = re.compile(
    r"(?:^|/)(?:_?vendor(?:ed)?|third[-_]?party|3rdparty|node_modules|externals?|extern|bundled|dist|build|generated)/"
    r"|\.min\.\w+$|_pb2(?:_grpc)?\.pyi?$|\.pb\.go$|\.g\.\w+$|\.generated\.\w+$"
)
_EXAMPLE = re.compile(r"(?:^|/)(?:examples?|samples?|demos?|tutorials?|benchmarks?|bench|docs?|site|website|scripts?)/")
_ENTRY = re.compile(r"(?:^|/)(?:__init__\.pyi?|index\.[jt]sx?|mod\.rs|lib\.rs|package-info\.java|doc\.go)$")


class Standing(NamedTuple):
    """What a path says of the code in it."""

    is_test: bool
    is_vendored: bool
    "Copied from elsewhere, built or generated."
    is_example: bool
    "Or documentation, or a script on the side."
    is_entry: bool
    "The file that only gathers what others define."


@lru_cache(maxsize=100_000)
def standing_of(path: str) -> Standing:
    """Judge a path below a project's root, with / between folders."""
    return Standing(
        is_test=_TEST.search(path) is not None,
        is_vendored=_VENDORED.search(path) is not None,
        is_example=_EXAMPLE.search(path) is not None,
        is_entry=_ENTRY.search(path) is not None,
    )


@lru_cache(maxsize=100_000)
def file_words(path: str) -> frozenset[str]:
    """Stems of the words of a file's name, without its suffix."""
    name = path.rpartition("/")[2]
    return stems(name.rpartition(".")[0] or name)
