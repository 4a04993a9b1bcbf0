"""The example as its reader runs it: SPINN learns to parse and to tell modules apart, and parses on its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "spinn.py"


def test_spinn_trains() -> None:
    command = [sys.executable, str(EXAMPLE), "--epochs", "3", "--hidden", "16", "--batch", "8"]
    command += ["--modules", "json.decoder,textwrap,bisect,shlex"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=True)
    losses = re.findall(r"epoch \d: modules (\S+) nats, moves (\S+) nats, .*% right", done.stdout)
    assert len(losses) == 3 and "one by one" in done.stdout
    (modules, moves), (later_modules, later_moves) = ([float(part) for part in losses[i]] for i in (0, -1))
    assert later_modules < modules and later_moves < moves
