"""The display where it is no terminal, and on one of 80 columns."""

from __future__ import annotations

import io
import re

from rich.console import Console

from codling.training.display import Display


def test_plain_lines_say_all_that_the_bar_would(small, tmp_path):
    file = io.StringIO()
    display = Display(Console(file=file, width=200), title="small", line_s=0.0)
    small.run(tmp_path / "run", observer=display, max_steps=25)
    text = file.getvalue()
    assert "small: " in text and "parameters" in text and "25 steps" in text
    assert re.search(
        r"step 24/25  epoch 0\.\d\d  loss \d\.\d+ acc 0\.\d+  val \d\.\d+ 0\.\d+  .*tokens/s  0:00:\d\d left", text
    )
    assert re.search(r"step 20/25 .* val \d\.\d{4}  acc 0\.\d{4}", text)
    assert "\x1b" not in text


def test_the_bar_fits_80_columns_with_counter_and_time(small, tmp_path):
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, color_system=None, legacy_windows=False)
    small.run(tmp_path / "run", observer=Display(console), max_steps=60)
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", file.getvalue())]
    bars = [line for line in lines if "60/60" in line and "━" in line]
    assert bars and re.search(r"loss .* acc .* val .* \d+\.\d+[kM]/s +[\d:]+ *$", bars[-1])


def test_what_a_model_writes_does_not_command_the_terminal(small, tmp_path):
    class Hostile(small.CharTask):
        def sample(self, step):
            return "x = 1\x1b[2J\x07 # [red]\ud800"

    file = io.StringIO()
    small.run(tmp_path / "run", Hostile(), Display(Console(file=file, width=200)), max_steps=2)
    assert "x = 1·[2J· # [red]" in file.getvalue()
