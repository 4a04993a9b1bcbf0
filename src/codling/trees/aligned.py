"""The writer's reader of descriptions and an encoder of trees, aligned: what a function is said to do lies near it.

An alternative to the encoder that search ships with, whose vectors are sums over words: here a bidirectional LSTM reads
what is asked, and a TreeLSTM the function's syntax. ``docs/trees.md`` says what each is worth.
"""

# N pairs, W width of the common space, M memory of the description's reader

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from codling.config import from_mapping, to_mapping
from codling.errors import ConfigError, TrainingError
from codling.files import write_text_atomically
from codling.training.checkpoint import load_weights, read_tensors, weights_of, write_tensors
from codling.trees.encoder import BagEncoder, TreeEncoder
from codling.trees.fitting import fit
from codling.trees.labels import Labels
from codling.trees.syntax import NAME, SyntaxTree, functions, sub_tokens
from codling.trees.writing.batches import Collator
from codling.trees.writing.config import WriterRun
from codling.trees.writing.lexicon import Lexicon
from codling.trees.writing.network import WriterConfig, WriterNet
from codling.trees.writing.steps import Example
from codling.trees.writing.words import words_of

__all__ = ["AlignConfig", "Aligned", "Described", "align", "described", "function_tree", "load_aligned", "save_aligned"]

_WEIGHTS, _LEXICON = "aligned.safetensors", "lexicon.json"


@dataclass(frozen=True, kw_only=True)
class AlignConfig:
    """Shape and training of aligned encoders."""

    code: str = "tree"
    "What reads functions: a tree of labels, or the bag of them."
    width: int = 256
    "Of the vectors."
    hidden: int = 96
    "Of a node, or of a label in a bag."
    min_count: int = 5
    "Of a label, in all functions; rarer ones are unknown."
    max_nodes: int = 250
    "Of a tree; larger functions are not learnt from."
    dropout: float = 0.2
    "Of the words of a description."
    batch: int = 128
    "Pairs; each is told apart from all others of its batch."
    epochs: int = 2
    learning_rate: float = 2e-3
    "At its peak, after warmup; falls to zero."
    warmup: float = 0.05
    "Share of the steps."
    clip: float = 1.0
    seed: int = 1
    "Of weights and order."

    def __post_init__(self) -> None:
        if self.code not in ("tree", "bag"):
            raise ConfigError(f"code is {self.code!r}; it is tree or bag")
        if self.batch < 2:
            raise ConfigError(f"batch is {self.batch}; a pair has to be told apart from others")


@dataclass(frozen=True, slots=True)
class Described:
    """A function, and what it is said to do."""

    text: str
    tree: SyntaxTree


def function_tree(code: str, max_nodes: int | None = None) -> SyntaxTree | None:
    """The tree of a Python text's first function, with the words of its name; None where there is no function."""
    found = next(functions(code, max_nodes=max_nodes), None)
    if found is None:
        return None
    waiting = [found.tree]
    while waiting:
        node = waiting.pop()
        if node.label == NAME:
            node.children = [SyntaxTree(word) for word in sub_tokens(found.name)]
        waiting += node.children
    return found.tree


def described(rows: Iterable[tuple[str, str]], config: AlignConfig) -> list[Described]:
    """Of descriptions and programs, those that have words and a function of the size that is learnt from."""
    found = []
    for text, code in rows:
        tree = function_tree(code, config.max_nodes)
        if tree is not None and words_of(text):
            found.append(Described(text, tree))
    return found


class Aligned(nn.Module):
    """Descriptions and functions as unit vectors of one space."""

    def __init__(self, lexicon: Lexicon, reader: WriterConfig, labels: Labels, config: AlignConfig) -> None:
        super().__init__()
        self.lexicon, self.labels, self.config = lexicon, labels, config
        self.collate = Collator(lexicon)
        self.reader = WriterNet(lexicon, reader)
        self.trees = (TreeEncoder if config.code == "tree" else BagEncoder)(labels, config.hidden)
        self.of_text = nn.Linear(2 * 2 * reader.encoder, config.width)
        self.of_tree = nn.Linear(self.trees.width, config.width)
        self.scale = nn.Parameter(torch.tensor(3.0))

    def read(self, texts: Sequence[str]) -> Tensor:
        """Vectors of descriptions: float [N, W], from the mean and the maximum of what the writer would attend to."""
        batch = self.collate([Example(tuple(words_of(text)), ()) for text in texts])
        vectors_UE = self.reader.embed(batch.text_words_U, batch.text_pieces_UP)
        x_BNE = vectors_UE[batch.words_BN] + self.reader.kinds(batch.kinds_BN)
        x_BNE = functional.dropout(x_BNE, self.config.dropout, self.training)
        memory_BNM, _ = self.reader.encode(x_BNE, batch.lengths_B)
        there_BN1 = (batch.words_BN != 0)[:, :, None]
        mean_BM = (memory_BNM * there_BN1).sum(1) / there_BN1.sum(1).clamp(min=1)
        largest_BM = memory_BNM.masked_fill(~there_BN1, -1.0).amax(1)  # an LSTM's states are above it
        return functional.normalize(self.of_text(torch.cat([mean_BM, largest_BM], 1)), dim=1)

    def code(self, trees: Sequence[SyntaxTree]) -> Tensor:
        """Vectors of functions: float [N, W]."""
        return functional.normalize(self.of_tree(self.trees(trees)), dim=1)

    def loss(self, pairs: Sequence[Described]) -> Tensor:
        """Nats by which each description misses its function among all of the batch, and the other way round.

        InfoNCE: van den Oord, Li & Vinyals 2018, in both directions (Radford et al. 2021), scale learnt.
        """
        texts_NW, code_NW = self.read([each.text for each in pairs]), self.code([each.tree for each in pairs])
        scores_NN = texts_NW @ code_NW.T * self.scale.exp()
        right_N = torch.arange(len(pairs))
        return (functional.cross_entropy(scores_NN, right_N) + functional.cross_entropy(scores_NN.T, right_N)) / 2

    @torch.no_grad()
    def encode_descriptions(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors of descriptions, float32 [N, W]."""
        self.eval()
        parts = [self.read(texts[at : at + 256]).numpy() for at in range(0, len(texts), 256)]
        return np.concatenate(parts) if parts else np.zeros((0, self.config.width), np.float32)

    @torch.no_grad()
    def encode_functions(self, trees: Sequence[SyntaxTree]) -> npt.NDArray[np.float32]:
        """Unit vectors of functions, float32 [N, W]."""
        self.eval()
        parts = [self.code(trees[at : at + 256]).numpy() for at in range(0, len(trees), 256)]
        return np.concatenate(parts) if parts else np.zeros((0, self.config.width), np.float32)


def align(
    pairs: Sequence[Described],
    writer: Path,
    config: AlignConfig,
    *,
    pretrained: bool = True,
    report: Callable[[int, float, float], None] | None = None,
) -> Aligned:
    """Train on pairs.

    Args:
        writer: folder of a writer's run, whose reader of descriptions is where training begins.
        pretrained: False begins with its shape and its vocabulary only.
        report: gets, after each epoch, its number from 1, the mean loss in nats, and pairs per second.

    Raises:
        TrainingError: the run is missing or damaged, or there are fewer pairs than a batch has.
    """
    if len(pairs) < config.batch:
        raise TrainingError(f"{len(pairs):,} described functions are fewer than a batch of {config.batch}")
    lexicon, shape, weights = _reader_of(writer)
    labels = Labels.of((label for each in pairs for label in each.tree.labels()), min_count=config.min_count)
    torch.manual_seed(config.seed)
    model = Aligned(lexicon, shape, labels, config)
    if pretrained:
        load_weights(model.reader, weights, str(writer))
    fit(model, pairs, model.loss, config, report)
    model.eval()
    return model


def save_aligned(model: Aligned, folder: Path) -> Path:
    """Write encoders down; ``load_aligned`` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "config": to_mapping(model.config),
        "reader": to_mapping(model.reader.config),
        "labels": model.labels.names[1:],
    }
    write_text_atomically(folder / _LEXICON, json.dumps(model.lexicon.to_json(), ensure_ascii=False))
    write_tensors(folder / _WEIGHTS, weights_of(model), about)
    return folder


def load_aligned(folder: Path) -> Aligned:
    """Raises:
    TrainingError: the folder has no such encoders, or they are damaged.
    """
    tensors, about = read_tensors(folder / _WEIGHTS)
    lexicon = _lexicon(folder)
    config, reader = from_mapping(AlignConfig, about["config"]), from_mapping(WriterConfig, about["reader"])
    model = Aligned(lexicon, reader, Labels(about["labels"]), config)
    load_weights(model, tensors, str(folder))
    model.eval()
    return model


def _reader_of(writer: Path) -> tuple[Lexicon, WriterConfig, dict[str, Tensor]]:
    tensors, about = read_tensors(writer / "checkpoint.safetensors")
    weights = {name[5:]: tensor for name, tensor in tensors.items() if name.startswith("best.")}
    return _lexicon(writer), from_mapping(WriterRun, about["run"]).model, weights


def _lexicon(folder: Path) -> Lexicon:
    try:
        return Lexicon.from_json((folder / _LEXICON).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{folder} has no lexicon ({error})") from None
