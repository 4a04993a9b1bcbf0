"""Peers of code search: ripgrep over files, BM25 over chunks of lines (bm25s), a sentence encoder over our units."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

__all__ = ["bm25_scorer", "chunks_of_folder", "ripgrep_ranker", "split_and_stem", "teacher_scorer"]

CHUNK_LINES = 50  # as most tools cut that know no syntax
_WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_STOP = frozenset(
    (
        *("a", "an", "the", "of", "to", "in", "on", "at", "is", "are", "was", "be", "it", "its", "that", "this", "and"),
        *("or", "with", "without", "from", "by", "for", "as", "how", "do", "does", "what"),
    )
)


def chunks_of_folder(folder: Path) -> list[tuple[str, str]]:
    """Paths and texts of the chunks of every text file below a folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or ".git" in path.parts:
            continue
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except UnicodeDecodeError:
            continue
        name = path.relative_to(folder).as_posix()
        found += [(name, "\n".join(lines[at : at + CHUNK_LINES])) for at in range(0, len(lines), CHUNK_LINES)]
    return found


def split_and_stem(text: str) -> list[str]:
    """Words of identifiers, lower case, by their English stems."""
    import snowballstemmer

    parts = [part.lower() for word in _WORD.findall(text) for part in _PART.findall(word)]
    return snowballstemmer.stemmer("english").stemWords([part for part in parts if part not in _STOP])


def bm25_scorer(texts: Sequence[str]) -> Callable[[str], np.ndarray]:
    """BM25 with identifiers split and stemmed: a query's score for every text."""
    import bm25s

    index = bm25s.BM25()
    index.index([split_and_stem(text) or ["?"] for text in texts], show_progress=False)

    def score(query: str) -> np.ndarray:
        terms = [term for term in split_and_stem(query) if term in index.vocab_dict]
        return np.asarray(index.get_scores(terms)) if terms else np.zeros(len(texts))

    return score


def teacher_scorer(teacher: Path, texts: Sequence[str]) -> Callable[[str], np.ndarray]:
    """Cosines of a sentence encoder, in bfloat16 (see Teacher): a query's score for every text."""
    from codling.search.train.teacher import Teacher

    encoder = Teacher(teacher, bfloat16=True)
    vectors = encoder.encode(texts, max_tokens=256)
    return lambda query: vectors @ encoder.encode([query])[0]


def ripgrep_ranker(folder: Path) -> Callable[[str], list[str]]:
    """Files by how many of the query's words they hold, then by how often, rarer words counting more."""
    program = shutil.which("rg")
    if program is None:
        raise FileNotFoundError("ripgrep")
    num_files = sum(1 for path in folder.rglob("*") if path.is_file())

    def search(query: str) -> list[str]:
        scores: Counter[str] = Counter()
        for word in {word.lower() for word in _WORD.findall(query)} - _STOP:
            command = [program, "--ignore-case", "--count-matches", "--fixed-strings", "--no-messages", "--", word, "."]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            rows = [line.rpartition(":") for line in done.stdout.splitlines()]
            weight = float(np.log(1 + num_files / (1 + len(rows))))
            for path, _, count in rows:
                scores[path.removeprefix("./")] += weight * (1 + np.log(int(count)))
        return [path for path, _ in scores.most_common()]

    return search
