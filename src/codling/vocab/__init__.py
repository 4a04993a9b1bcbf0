"""Text to token ids and back, without loss."""

from codling.vocab.base import DOC, Vocab, read_vocab
from codling.vocab.bpe import BpeVocab
from codling.vocab.chars import CharVocab

__all__ = ["DOC", "BpeVocab", "CharVocab", "Vocab", "read_vocab"]
