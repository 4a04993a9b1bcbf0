"""What decides how the encoder is trained."""

from __future__ import annotations

from dataclasses import dataclass, field

from codling.errors import ConfigError
from codling.training.config import OptimConfig

__all__ = ["EncoderConfig", "FitConfig", "SearchRunConfig", "ViewConfig"]


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Shape and beginning of the encoder."""

    num_pieces: int = 18_000
    "Of the vocabulary, at most."
    dim: int = 256
    "Of the vectors."
    shared: bool = False
    "One table for code and queries instead of two."
    field_weights: tuple[float, ...] = (1.0, 0.3, 0.6, 1.0, 1.2)
    "How much a word counts in each of codling.search.encoder.FIELDS before training."


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """How a documented unit becomes a query and a piece of code, anew at every step."""

    run: int = 32
    "Units of one project that stand together in a batch: the neighbours are what a query must be told apart from."
    with_doc: float = 0.5
    "Share of units that keep the rest of their documentation, and a random part of their summary's words."
    drop_query: float = 0.3
    "Share of the summary's words that the query lacks."
    named: float = 0.0
    """Share of units that are asked for by the words of their name, which they then lack: names are short and terse, as
    people's queries are, and what remains to be found by is the documentation, said in other words, and the code. 0.3
    helps where there are no paraphrases, and does harm beside them."""
    paraphrased: float = 0.6
    """Share of the units that are asked for by the summary of another one that means the same, of those that have such
    a one (codling.search.train.paraphrase) and are not asked for by name."""
    paraphrase_cosines: tuple[float, float] = (0.68, 0.97)
    "Of two summaries, by the teacher: below it they are about the same thing, above it they are the same words."
    with_phrase: float = 0.6
    "Share of queries with words around them that people add when they ask: how to, in python."
    drop_fields: tuple[float, ...] = (0.25, 0.4, 0.25, 0.0, 0.1)
    "Share of units that lack each of codling.search.encoder.FIELDS."
    drop_code: float = 0.2
    "Share of the distinct pieces of the remaining fields that the code lacks."


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Length and randomness of the training."""

    batch_sizes: tuple[int, ...] = (1_024, 2_048)
    "Pairs; each is told apart from all others of its batch. Runs take these sizes in turn."
    pairs: int = 600_000
    "That each run sees, up to a batch."
    runs: int = 8
    "Trainings from the same beginning on other random numbers; the mean of their weights is what counts."
    seed: int = 0
    num_threads: int | None = None
    "Cores for PyTorch's operators; none leaves PyTorch's own choice."

    def steps_of(self, run: int) -> int:
        return max(1, self.pairs // self.batch_size_of(run))

    def batch_size_of(self, run: int) -> int:
        return self.batch_sizes[run % len(self.batch_sizes)]

    @property
    def total_steps(self) -> int:
        return sum(map(self.steps_of, range(self.runs)))


@dataclass(frozen=True, kw_only=True)
class SearchRunConfig:
    """A whole training."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    views: ViewConfig = field(default_factory=ViewConfig)
    fit: FitConfig = field(default_factory=FitConfig)
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(
            lr=2e-3, schedule="cosine", warmup_steps=30, min_lr_ratio=0.05, beta2=0.99, clip_norm=None
        )
    )
    "Of the tables; the weights of words and fields learn at weight_lr."
    weight_lr: float = 1e-2
    "Peak learning rate of the logarithms of the words' weights."

    def __post_init__(self) -> None:
        if self.fit.runs < 1:
            raise ConfigError(f"fit.runs is {self.fit.runs}; one training is the least")
        if not self.fit.batch_sizes:
            raise ConfigError("fit.batch_sizes names no size; the runs take them in turn")
        for size in self.fit.batch_sizes:
            if size < 1 or size % self.views.run:
                raise ConfigError(f"fit.batch_sizes has {size}, which is no multiple of views.run {self.views.run}")
