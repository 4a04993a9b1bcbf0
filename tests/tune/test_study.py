"""A search: what it finds, what it leaves, and that a kill -9 at any moment does not show in its result."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codling.errors import ConfigError, TrainingError
from codling.tune.results import default_columns, rows, write_results
from codling.tune.study import StudyResult

SCRIPT = Path(__file__).with_name("small_study.py")


def outcome(result: StudyResult) -> list[tuple]:
    return [(t.slot, t.params, t.state, t.metrics, t.error) for t in result.trials]


@pytest.fixture(scope="module", params=["grid", "tpe"])
def whole(request, small, tmp_path_factory):
    return request.param, small.search(tmp_path_factory.mktemp("studies") / request.param, request.param)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this platform has no kill -9")
def test_killed_twice_it_ends_with_the_same_result(small, whole, tmp_path):
    kind, uninterrupted = whole
    for kill_at in (5, 31):  # in the first trial, and some trials later
        killed = subprocess.run(
            [sys.executable, str(SCRIPT), str(tmp_path), kind, str(kill_at)], capture_output=True, text=True, timeout=60
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert outcome(small.search(tmp_path, kind)) == outcome(uninterrupted)


@pytest.mark.parametrize("whole", ["grid"], indirect=True)
def test_the_grid_is_tried_whole_and_a_diverging_trial_does_not_end_it(whole):
    _, result = whole
    assert [(t.params["optim.lr"], t.params["optim.momentum"]) for t in result.trials] == [
        (lr, momentum) for lr in (0.01, 0.1, 0.4, 30) for momentum in (0, 0.5)
    ]
    assert [t.state for t in result.trials] == ["complete"] * 6 + ["failed"] * 2
    assert "not finite" in (result.trials[-1].error or "")
    assert result.best is not None and result.best.params == {"optim.lr": 0.4, "optim.momentum": 0}


@pytest.mark.parametrize("whole", ["tpe"], indirect=True)
def test_tpe_finds_better_than_chance_and_prunes(whole):
    _, result = whole
    assert result.best is not None and result.best.metrics["loss"] < 0.01
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert pruned and all(trial.metrics["steps"] < 8 for trial in pruned)


def test_an_interrupted_trial_goes_on_in_its_own_folder(small, tmp_path):
    class Interrupted(small.DescentObjective):
        def __call__(self, changes, folder, report):
            def impatient(ordinal, loss):
                if ordinal == 6:
                    raise KeyboardInterrupt
                return report(ordinal, loss)

            return super().__call__(changes, folder, impatient)

    plan = small.plan("grid", num_trials=1)
    with pytest.raises(KeyboardInterrupt):
        small.tune(Interrupted(), plan, tmp_path, about={"name": "descent"})
    objective = small.DescentObjective()
    result = small.tune(objective, plan, tmp_path, about={"name": "descent"})
    assert objective.count == 8 - 6 and result.trials[0].metrics["steps"] == 8


def test_a_second_search_in_the_same_folder_is_refused(small, tmp_path):
    refused = []

    class Watched(small.DescentObjective):
        def __call__(self, changes, folder, report):
            with pytest.raises(TrainingError, match=r"another process goes on with the study in .*; wait for it"):
                small.search(tmp_path, "grid", num_trials=2)
            refused.append(folder)
            return super().__call__(changes, folder, report)

    result = small.tune(Watched(), small.plan("grid", num_trials=2), tmp_path, about={"name": "descent"})
    assert len(refused) == len(result.trials) == 2


def test_only_the_best_trial_keeps_what_going_on_needs(whole):
    _, result = whole
    kept = [trial.slot for trial in result.trials if (trial.folder / "progress.json").exists()]
    assert result.best is not None and kept == [result.best.slot]


def test_a_settled_study_runs_nothing_and_a_longer_one_the_rest(small, tmp_path):
    small.search(tmp_path, "tpe", num_trials=3)
    objective = small.DescentObjective()
    small.tune(objective, small.plan("tpe", num_trials=3), tmp_path, about={"name": "descent"})
    assert objective.calls == []
    longer = small.tune(objective, small.plan("tpe", num_trials=5), tmp_path, about={"name": "descent"})
    assert len(objective.calls) == 2 and len(longer.trials) == 5


def test_a_study_of_another_configuration_names_the_key(small, tmp_path):
    small.search(tmp_path, "grid", num_trials=1)
    with pytest.raises(ConfigError, match=r"started with config.name = 'descent', not 'ascent'; .*--fresh"):
        small.tune(small.DescentObjective(), small.plan("grid"), tmp_path, about={"name": "ascent"})
    with pytest.raises(ConfigError, match=r"started with seed = 0, not 1"):
        small.search(tmp_path, "grid", seed=1)
    fresh = small.tune(small.DescentObjective(), small.plan("tpe"), tmp_path, about={"name": "ascent"}, fresh=True)
    assert len(fresh.trials) == 14


def test_a_damaged_study_is_one_clear_line(small, tmp_path):
    (tmp_path / "study.sqlite").write_bytes(b"no database" * 999)
    with pytest.raises(TrainingError, match=r"study.sqlite cannot be read .*--fresh") as raised:
        small.search(tmp_path, "grid")
    assert "\n" not in str(raised.value)


def test_a_search_without_an_end_is_refused(small):
    with pytest.raises(ConfigError, match="--trials N"):
        small.plan("tpe", num_trials=None)


def test_results_say_the_same_in_every_form(whole, tmp_path):
    _, result = whole
    columns = default_columns(result)
    write_results(tmp_path, "Search <descent>", result, columns)
    assert list(columns) == ["trial", "lr", "momentum", "loss", "steps", "state"]
    table = rows(result, columns)
    assert result.best is not None and table[0][0] == result.best.slot + 1
    with (tmp_path / "table.csv").open(newline="") as file:
        assert [[cell or None for cell in row] for row in csv.reader(file)] == [
            list(columns),
            *([None if cell is None else str(cell) for cell in row] for row in table),
        ]
    assert json.loads((tmp_path / "study.json").read_text())["table"] == table
    assert len((tmp_path / "table.md").read_text().splitlines()) == 2 + len(result.trials)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Search &lt;descent&gt;" in page and page.count("<svg") == 1 and "importance" in page
