"""The split is by whole projects, and stands still when projects come and go."""

from __future__ import annotations

from collections import Counter

from codling.corpus.split import SplitConfig, normalised, split_of

NAMES = [f"project-{i}" for i in range(5_000)]


def test_shares() -> None:
    config = SplitConfig(valid=0.1, test=0.2)
    counts = Counter(split_of(name, "a.py", {}, config) for name in NAMES)
    assert 0.17 < counts["test"] / len(NAMES) < 0.23
    assert 0.08 < counts["valid"] / len(NAMES) < 0.12


def test_all_files_of_a_project_go_together_unless_asked() -> None:
    config = SplitConfig(valid=0.3, test=0.3)
    paths = [f"{i}.py" for i in range(50)]
    assert all(len({split_of(name, path, {}, config) for path in paths}) == 1 for name in NAMES[:50])
    by_file = SplitConfig(valid=0.3, test=0.3, by="file")
    assert {split_of("mine", path, {}, by_file) for path in paths} == {"train", "valid", "test"}


def test_seeds_differ() -> None:
    config, other = SplitConfig(valid=0.3, test=0.3), SplitConfig(seed=1, valid=0.3, test=0.3)
    assert [split_of(n, "", {}, config) for n in NAMES] != [split_of(n, "", {}, other) for n in NAMES]


def test_pins_win_and_names_compare_as_pep_503_says() -> None:
    assert normalised("Scikit_Learn..Extra") == "scikit-learn-extra"
    assert split_of("Scikit.Learn", "", {"scikit-learn": "test"}, SplitConfig()) == "test"


def test_nothing_is_drawn_when_nothing_is_asked() -> None:
    assert {split_of(name, "", {}, SplitConfig(valid=0, test=0)) for name in NAMES} == {"train"}
    assert {split_of(name, "", {}, SplitConfig(valid=0, test=1)) for name in NAMES} == {"test"}
