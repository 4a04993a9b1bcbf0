"""A server does not stay as large as it was for a moment."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
from pathlib import Path
from codling.serve.memory import _malloc_trim, give_back_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096

if _malloc_trim() is None:
    print("no glibc")
else:
    pieces = [bytearray(100_000) for _ in range(1_000)]
    kept = pieces[::50]  # the rest lies between them, where freeing alone gives nothing back
    del pieces
    before = resident()
    give_back_memory()
    print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked at in /proc")
def test_freed_memory_goes_back() -> None:
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout.strip()
    if said == "no glibc":
        pytest.skip("this C library has no malloc_trim")
    assert int(said) > 50_000_000
