"""Unpack accepted Codeforces programs into one folder per split, each a project of its own for `codling corpus build`.

    python recipes/java/programs.py programs.jsonl corpora/codeforces

The input has one JSON object a line with the program under "code". A program's split is decided by the hash of its
text, so that it stays where it is when others are added: 90 % train, 5 % valid, 5 % test.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path


def split_of(code: str) -> str:
    """The split of a program."""
    place = hashlib.sha256(code.encode()).digest()[0] * 100 // 256
    return "valid" if place < 5 else "test" if place < 10 else "train"


def main(source: Path, out: Path) -> None:
    """Write OUT/codeforces-SPLIT/NUMBER.java."""
    with source.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            code = json.loads(line)["code"]
            folder = out / f"codeforces-{split_of(code)}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number:05d}.java").write_text(code, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
