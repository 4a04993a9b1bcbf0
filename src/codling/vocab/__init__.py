"""Text to token ids and back, without loss."""

from codling.vocab.base import CURSOR, DOC, SUFFIX, Vocab, read_vocab
from codling.vocab.bpe import BpeVocab
from codling.vocab.chars import CharVocab

__all__ = ["CURSOR", "DOC", "SUFFIX", "BpeVocab", "CharVocab", "Vocab", "read_vocab"]
