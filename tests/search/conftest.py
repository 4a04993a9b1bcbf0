"""A small project in several languages, and its index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import code_projects as projects
from codling.search.index import CodeIndex, CodeIndexes

SMALL = {
    "pkg/__init__.py": '"""A small package."""\n',
    "pkg/files.py": 'def read_lines(path):\n    """All lines of a file."""\n    return open(path).readlines()\n',
    "pkg/net.py": "class HttpServer:\n    def close(self):\n        pass\n\n    def read_request(self):\n        ...\n",
    "web/app.ts": "/** Shows the time. */\nexport function showClock(now: Date) {\n  return now.toString();\n}\n",
    "README.md": "# Small\n\nHow to install it: copy the folder.\n",
    "tests/test_files.py": "from pkg.files import read_lines\n\ndef test_read_lines():\n    assert read_lines\n",
}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[CodeIndex]:
    root = projects.write(tmp_path / "small", SMALL)
    with CodeIndex.build(root, folder=tmp_path / "index", encoder=None) as index:
        yield index


def paths(index: CodeIndex | CodeIndexes, query: str, k: int = 10) -> list[str]:
    return [hit.path for hit in index.search(query, k).hits]
