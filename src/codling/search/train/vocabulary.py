"""The pieces that words are cut into: frequent words whole, and enough parts for all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from codling.search.words import identifiers, split_identifier

__all__ = ["learn_pieces"]

_MIN_PROJECTS = 3  # that use a word: one project's own names help nobody else
_MIN_COUNT = 5
_NUM_PARTS = 6_000  # pieces that WordPiece learns to spell the other words with
_MAX_REPEATS = 300  # of one word in front of the learner
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def learn_pieces(texts: Iterable[tuple[str, str]], num_pieces: int) -> list[str]:
    """A vocabulary for codling.search.words.Pieces, sorted.

    Args:
        texts: pairs of a project's name and a text of it.
        num_pieces: at most so many.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    counts, projects = _count(texts)
    known = {
        word: count
        for word, count in counts.items()
        if count >= _MIN_COUNT and len(projects[word]) >= _MIN_PROJECTS and word.isascii()
    }
    learner = Tokenizer(models.WordPiece(unk_token="?"))
    learner.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordPieceTrainer(
        vocab_size=min(_NUM_PARTS, num_pieces // 2),
        special_tokens=["?"],
        continuing_subword_prefix="##",
        show_progress=False,
    )
    learner.train_from_iterator(_repeated(known), trainer)
    pieces = set(_LETTERS) | {f"##{letter}" for letter in _LETTERS}
    pieces |= learner.get_vocab().keys() - {"?"}
    for word in sorted(known, key=lambda word: (-known[word], word)):
        if len(pieces) >= num_pieces:
            break
        pieces.add(word)
    return sorted(pieces)


def _count(texts: Iterable[tuple[str, str]]) -> tuple[Counter[str], dict[str, set[str]]]:
    counts: Counter[str] = Counter()
    projects: dict[str, set[str]] = {}
    words_of: dict[str, list[str]] = {}
    for project, text in texts:
        for identifier in identifiers(text):
            words = words_of.get(identifier)
            if words is None:
                words = words_of[identifier] = split_identifier(identifier)
            counts.update(words)
            for word in words:
                seen = projects.setdefault(word, set())
                if len(seen) < _MIN_PROJECTS:
                    seen.add(project)
    return counts, projects


def _repeated(words: dict[str, int]) -> Iterator[str]:
    """Each word about as often as the root of its count, so that rare words have a say in how they are cut."""
    for word, count in sorted(words.items()):
        yield from [word] * min(_MAX_REPEATS, 1 + round(count**0.5))
