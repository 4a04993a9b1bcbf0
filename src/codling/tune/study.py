"""A search that may be killed at any moment and goes on: trials in slots, settled one after the other.

Slot k is the k-th trial of the search. Which values it tries depends on the trials settled before it and on the seed
alone, never on how often the process was started: a search that was interrupted ends like one that was not.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from codling.config import first_difference
from codling.errors import ConfigError, TrainingError
from codling.hold import only_one
from codling.tune.space import Dimension, grid

if TYPE_CHECKING:
    import optuna

__all__ = ["Objective", "Plan", "StudyResult", "TrialRow", "tune"]

_STARTUP_TRIALS = 4  # before this many are complete, there is no median worth pruning by


class Objective(Protocol):
    """What a search minimises: trains one variant at a time."""

    def __call__(
        self, changes: Mapping[str, Any], folder: Path, report: Callable[[int, float], bool]
    ) -> dict[str, float]:
        """Run one trial, or go on with it if the folder holds a part of it.

        Args:
            changes: values by dotted name, for codling.config.override.
            folder: the trial's own; the same one when an interrupted trial is run again.
            report: call it after each measurement with its ordinal (1, 2, …) and its loss, also with those that an
                interrupted trial had made already. False means that the trial is not worth going on with.

        Returns:
            What was measured; "loss" is minimised.

        Raises:
            TrainingError: this variant cannot be trained, as its loss is not finite, say; the search goes on.
        """
        ...

    def forget(self, folder: Path) -> None:
        """Free the disk of what only going on would need: the trial is settled, and not the best."""
        ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to search."""

    dimensions: tuple[Dimension, ...]
    num_trials: int | None = None
    "Trials in all, those of earlier starts included; None for the whole grid."
    grid: bool = False
    "Whether to try every combination, in order, rather than where TPE (Bergstra et al. 2011) expects the most."
    pruning: Literal["none", "median", "hyperband"] = "none"
    """Whether to give up on trials that do worse than others did at the same measurement. Hyperband (Li et al. 2018)
    sorts trials into brackets by a number that counts interrupted ones too: only with it may an interruption show."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.grid and self.num_trials is None:
            raise ConfigError("say how many trials to run, with --trials N, or search the whole --grid")
        if self.num_trials is not None and self.num_trials < 1:
            raise ConfigError(f"a search has at least 1 trial, not {self.num_trials}")


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One settled trial."""

    slot: int
    folder: Path
    params: dict[str, Any]
    state: Literal["complete", "pruned", "failed"]
    metrics: dict[str, float] = field(default_factory=dict)
    "What was measured; of a pruned trial up to where it was given up, of a failed one nothing."
    error: str | None = None
    "Why a failed trial failed."


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """All settled trials, in the order of their slots."""

    plan: Plan
    trials: tuple[TrialRow, ...]

    @property
    def best(self) -> TrialRow | None:
        """The complete trial with the lowest loss."""
        complete = [trial for trial in self.trials if trial.state == "complete"]
        return min(complete, key=lambda trial: trial.metrics["loss"], default=None)


def tune(
    objective: Objective,
    plan: Plan,
    folder: Path,
    *,
    about: Mapping[str, Any],
    fresh: bool = False,
    on_settled: Callable[[StudyResult], None] = lambda _: None,
) -> StudyResult:
    """Run a search, or go on with the one in the folder, until every slot is settled.

    Args:
        folder: holds study.sqlite and a folder per trial.
        about: the configuration that is searched around, as plain data; a study only goes on under the same.
        fresh: start over, whatever the folder holds.
        on_settled: called with all results after each trial, and once at the start when some are settled already.

    Raises:
        ConfigError: the folder's study is of another configuration; names the differing key.
        TrainingError: the study cannot be read, or another process goes on with it.
    """
    refusal = TrainingError(f"another process goes on with the study in {folder}; wait for it, or name another")
    with only_one(folder, refusal), _open_study(folder, plan, about, fresh) as study:
        return _settle_all(study, objective, plan, folder, on_settled)


def _settle_all(
    study: optuna.Study,
    objective: Objective,
    plan: Plan,
    folder: Path,
    on_settled: Callable[[StudyResult], None],
) -> StudyResult:
    _fail_stale(study)
    combinations = grid(plan.dimensions) if plan.grid else []
    num_slots = min(plan.num_trials or len(combinations), len(combinations)) if plan.grid else plan.num_trials or 0
    result = _result(study, plan, folder)
    if result.trials:
        on_settled(result)
    while (slot := _next_slot(result, num_slots)) is not None:
        trial = _ask(study, plan, slot, combinations)
        _run(study, trial, objective, _trial_folder(folder, slot))
        result = _result(study, plan, folder)
        for row in result.trials:
            if result.best is None or row.slot != result.best.slot:
                objective.forget(row.folder)
        on_settled(result)
    return result


@contextlib.contextmanager
def _open_study(folder: Path, plan: Plan, about: Mapping[str, Any], fresh: bool) -> Iterator[optuna.Study]:
    """The folder's study, new or gone on with; its database is closed at the end."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / "study.sqlite"
    if fresh and folder.exists():
        import shutil

        path.unlink(missing_ok=True)
        shutil.rmtree(folder / "trials", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    pruners: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
        "none": optuna.pruners.NopPruner,
        "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS),
        "hyperband": optuna.pruners.HyperbandPruner,
    }
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{path.resolve().as_posix()}")
        study = optuna.create_study(
            storage=storage,
            study_name="codling",
            direction="minimize",
            pruner=pruners[plan.pruning](),
            load_if_exists=True,
        )
        then = study.user_attrs.get("about")
    except Exception as error:  # SQLAlchemy, sqlite3 and Optuna each have their own
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainingError(f"the study {path} cannot be read ({line}); start over with --fresh") from None
    try:
        _check_same(study, plan, about, then, folder)
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _check_same(study: optuna.Study, plan: Plan, about: Mapping[str, Any], then: Any, folder: Path) -> None:
    """Note what a new study is of, and refuse to go on with one of something else."""
    dimensions = {d.name: [list(d.choices), d.low, d.high, d.step, d.log] for d in plan.dimensions}
    now = json.loads(json.dumps({"config": about, "dim": dimensions, "grid": plan.grid, "seed": plan.seed}))
    if then is None:
        study.set_user_attr("about", now)
    elif (found := first_difference(then, now)) is not None:
        name, before, after = found
        raise ConfigError(
            f"the study in {folder} was started with {name} = {before!r}, not {after!r}; set it back, choose another "
            "--study folder, or start over with --fresh"
        )


def _fail_stale(study: optuna.Study) -> None:
    """Trials that a killed process left running: their slots are free again."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def _next_slot(result: StudyResult, num_slots: int) -> int | None:
    settled = {trial.slot for trial in result.trials}
    return next((slot for slot in range(num_slots) if slot not in settled), None)


def _ask(study: optuna.Study, plan: Plan, slot: int, combinations: Sequence[dict[str, Any]]) -> optuna.Trial:
    """The trial of a slot: with the values that it had before a kill, those of the grid, or new ones from TPE."""
    import optuna
    from optuna.trial import TrialState

    earlier = [trial for trial in study.get_trials(deepcopy=False) if trial.user_attrs.get("slot") == slot]
    begun = [trial.params for trial in earlier if len(trial.params) == len(plan.dimensions)]
    params = begun[-1] if begun else combinations[slot] if plan.grid else None
    if params is not None and not any(trial.state == TrialState.WAITING for trial in earlier):
        study.enqueue_trial(params, user_attrs={"slot": slot})
    # A sampler per slot: one seed for the whole search would, after each restart, draw the same numbers again.
    study.sampler = optuna.samplers.TPESampler(seed=plan.seed * 1_000_003 + slot, n_startup_trials=_STARTUP_TRIALS * 2)
    trial = study.ask({dimension.name: dimension.distribution() for dimension in plan.dimensions})
    trial.set_user_attr("slot", slot)
    return trial


def _run(study: optuna.Study, trial: optuna.Trial, objective: Objective, folder: Path) -> None:
    from optuna.trial import TrialState

    pruned = False

    def report(ordinal: int, loss: float) -> bool:
        nonlocal pruned
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a value reported twice is kept, as it should be
            trial.report(loss, ordinal)
        pruned = pruned or trial.should_prune()
        return not pruned

    folder.mkdir(parents=True, exist_ok=True)
    try:
        metrics = objective(trial.params, folder, report)
    except TrainingError as error:
        # For TPE a pruned trial without a measurement is the worst there is, so it keeps away; a failed one it ignores.
        trial.set_user_attr("error", str(error))
        study.tell(trial, state=TrialState.PRUNED)
        return
    trial.set_user_attr("metrics", metrics)
    if pruned:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, metrics["loss"])


def _result(study: optuna.Study, plan: Plan, folder: Path) -> StudyResult:
    from optuna.trial import TrialState

    rows: dict[int, TrialRow] = {}
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
        slot, error = trial.user_attrs["slot"], trial.user_attrs.get("error")
        rows[slot] = TrialRow(
            slot=slot,
            folder=_trial_folder(folder, slot),
            params=dict(trial.params),
            state="failed" if error else "complete" if trial.state == TrialState.COMPLETE else "pruned",
            metrics=trial.user_attrs.get("metrics", {}),
            error=error,
        )
    return StudyResult(plan=plan, trials=tuple(rows[slot] for slot in sorted(rows)))


def _trial_folder(folder: Path, slot: int) -> Path:
    return folder / "trials" / f"{slot:04d}"
