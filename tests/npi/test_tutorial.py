"""The tutorial, as a stranger follows it: its file, its commands."""

from __future__ import annotations

import re
from pathlib import Path

from command import run_codling

TUTORIAL = Path(__file__).parents[2] / "docs" / "npi-tutorial.md"


def test_the_tutorial_works(tmp_path: Path) -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    file, bundle = tmp_path / "caesar.py", tmp_path / "caesar"
    file.write_text(code, encoding="utf-8")
    done = run_codling("npi", "train", file, "--bundle", bundle, "--run", tmp_path / "run")
    assert done.returncode == 0 and "caesar: proved for inputs of all sizes" in done.stdout, done.stderr
    done = run_codling("npi", "solve", file, "venividivici", "--model", bundle)
    assert done.stdout == "yhqlylglylfl\n" and "`yhqlylglylfl`" in text
    done = run_codling("npi", "run", file, "veni", "--model", bundle)
    assert done.returncode == 0 and "encipher() › encipher1() → write(y)" in done.stdout
    done = run_codling("npi", "verify", file, "--model", bundle)
    assert done.returncode == 0, done.stderr
    done = run_codling("npi", "solve", file, "VENI", "--model", bundle)
    assert done.returncode == 2 and done.stderr.endswith(f"not 'VENI'; for example: codling npi solve {file} veni\n")
    file.write_text(code.replace('text.sign == ""', "not text.letters"), encoding="utf-8")
    done = run_codling("npi", "train", file, "--bundle", bundle, "--run", tmp_path / "again")
    assert done.returncode == 2 and "asks for 'letters', neither a feature nor an action" in done.stderr
