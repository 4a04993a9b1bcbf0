"""Generated tasks: the tree writer beside a sequence-to-sequence network with attention, both searching with examples.

The baseline is AlgoLisp's (Polosukhin & Skidanov 2018), after Luong, Pham & Manning 2015: a bidirectional LSTM over
words, an LSTM over tokens of code, attention, no grammar. It gets the same pairs, width, epochs and beams.
"""

from __future__ import annotations

import ast
import io
import random
import sys
import tempfile
import time
import tokenize
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from codling.trees.writing.config import WriterRun
from codling.trees.writing.export import export_writer
from codling.trees.writing.measures import exact
from codling.trees.writing.network import WriterConfig
from codling.trees.writing.programs import Task, tasks
from codling.trees.writing.train import train_writer
from codling.trees.writing.words import words_of
from codling.write import Writer
from codling.write.examples import WIDTHS, Example, names_in_order, same, search
from codling.write.fitting import fit_bundle
from codling.write.sandbox import Case, Sandbox

__all__ = ["compare"]

_SHOWN = 3  # examples that a search sees; the others judge what it found
_HIDDEN, _EMBEDDING, _BATCH = 256, 128, 64
_BEAMS, _MAX_TOKENS = WIDTHS, 100

_Found = tuple[bool, bool, bool, bool]
"Whether the first answer parses, is the program that was meant, does all examples; and whether the search's does."


def compare(num_train: int, num_test: int, epochs: int, depth: int, seed: int) -> dict[str, Any]:
    """Train both on tasks, and test them on tasks whose programs no training task has."""
    train, test = _split(num_train, num_test, depth, seed)
    rows = {}
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        started = time.process_time()
        model = WriterConfig(embedding=_EMBEDDING, encoder=_HIDDEN // 2, hidden=_HIDDEN, dropout=0.2)
        run = WriterRun(name="tasks", model=model, epochs=epochs, reconstruct=-(-epochs // 2), renamed=0.0, seed=seed)
        pairs, dev = [task.pair for task in train[:-200]], [task.pair for task in train[-200:]]
        trained = train_writer(pairs, {"dev": dev}, run, Path(folder) / "run")
        bundle = export_writer(trained, Path(folder) / "writer")
        bundle = fit_bundle(bundle, dev, bundle.path)
        seconds = time.process_time() - started
        writer = Writer(bundle)
        found = _judged("trees", test, lambda task: _by_tree(writer, task, sandbox))
        rows["trees"] = _rows(found, test) | {"train_cpu_s": seconds}
        started = time.process_time()
        baseline = _Seq2Seq(train, seed)
        baseline.fit(train, epochs)
        seconds = time.process_time() - started
        found = _judged("seq2seq", test, lambda task: _by_sequence(baseline, task, sandbox))
        rows["seq2seq"] = _rows(found, test)
        rows["seq2seq"]["train_cpu_s"] = seconds
    return {
        "train": num_train,
        "test": num_test,
        "epochs": epochs,
        "shown_examples": _SHOWN,
        "tests_by_depth": dict(sorted(Counter(task.depth for task in test).items())),
        **rows,
    }


def _split(num_train: int, num_test: int, depth: int, seed: int) -> tuple[list[Task], list[Task]]:
    """Tasks to train on, and others whose programs have shapes that no training task has, no two of them the same."""
    rng = random.Random(seed)
    unseen: set[str] = set()
    seen: set[str] = set()
    train: list[Task] = []
    test: list[Task] = []
    for task in tasks(seed, depth):
        if len(train) == num_train and len(test) == num_test:
            break
        if task.shape in seen or (task.shape not in unseen and rng.random() < 0.8):
            seen.add(task.shape)
            if len(train) < num_train:
                train.append(task)
        elif task.shape not in unseen:
            unseen.add(task.shape)
            if len(test) < num_test:
                test.append(task)
    return train, test


def _judged(name: str, test: Sequence[Task], judge: Callable[[Task], _Found]) -> list[_Found]:
    """Each task in turn; says on stderr how it goes, for it takes long."""
    found: list[_Found] = []
    for task in test:
        found.append(judge(task))
        if len(found) % 20 == 0 or len(found) == len(test):
            print(f"{name}: {len(found)} of {len(test)} tasks, {sum(row[3] for row in found)} solved", file=sys.stderr)
    return found


def _rows(found: Sequence[_Found], test: Sequence[Task]) -> dict[str, Any]:
    """Shares in percent; of what is solved, by depth, too."""
    names = ("parses", "first_is_exact", "first_passes_all", "solved_with_examples")
    rows: dict[str, Any] = {name: 100 * sum(row[i] for row in found) / len(found) for i, name in enumerate(names)}
    for i, name in enumerate(names[2:], 2):
        at: dict[int, list[bool]] = {}
        for row, task in zip(found, test, strict=True):
            at.setdefault(task.depth, []).append(row[i])
        rows[f"{name}_by_depth"] = {depth: 100 * sum(each) / len(each) for depth, each in sorted(at.items())}
    return rows


def _by_tree(writer: Writer, task: Task, sandbox: Sandbox) -> _Found:
    first = next((each.code for each in writer.write(task.text).candidates), "")
    examples = [Example(Case(names=names), value) for names, value in task.examples]
    searched = search(writer, task.text, examples[:_SHOWN], sandbox=sandbox, seconds=60, widths=_BEAMS)
    solved = bool(searched.found) and _passes(searched.found[0].candidate.code, task, sandbox)
    return _parses(first), exact(first, task.code), _passes(first, task, sandbox), solved


def _by_sequence(model: _Seq2Seq, task: Task, sandbox: Sandbox) -> _Found:
    beams = [model.write(task.text, beam) for beam in _BEAMS]
    first = next(iter(beams[0]), "")
    codes = dict.fromkeys(code for codes in beams for code in codes)
    chosen = next((code for code in codes if _passes(code, task, sandbox, _SHOWN)), None)
    solved = chosen is not None and _passes(chosen, task, sandbox)
    return _parses(first), exact(first, task.code), _passes(first, task, sandbox), solved


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    return bool(code.strip())


def _passes(code: str, task: Task, sandbox: Sandbox, count: int | None = None) -> bool:
    if not _parses(code):
        return False
    examples = task.examples[:count]
    outcomes = sandbox.run(code, [Case(names=names) for names, _ in examples], names_in_order(code, ()))
    return all(
        outcome.stopped is None and same(outcome.value, value)
        for outcome, (_, value) in zip(outcomes, examples, strict=True)
    )


def _code_tokens(code: str) -> list[str]:
    kinds = (tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.NL)
    return [each.string for each in tokenize.generate_tokens(io.StringIO(code).readline) if each.type not in kinds]


class _Table:
    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self.names = ["<pad>", "<start>", "<end>", "<unknown>", *sorted({each for text in texts for each in text})]
        self.ids = {name: i for i, name in enumerate(self.names)}

    def __call__(self, text: Sequence[str]) -> list[int]:
        return [self.ids.get(each, 3) for each in text]


class _Seq2Seq(nn.Module):
    def __init__(self, train: Sequence[Task], seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.source = _Table([[word.value for word in words_of(task.text)] for task in train])
        self.target = _Table([_code_tokens(task.code) for task in train])
        self.words = nn.Embedding(len(self.source.names), _EMBEDDING, padding_idx=0)
        self.tokens = nn.Embedding(len(self.target.names), _EMBEDDING, padding_idx=0)
        self.encoder = nn.LSTM(_EMBEDDING, _HIDDEN // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(_EMBEDDING, _HIDDEN, batch_first=True)
        self.query = nn.Linear(_HIDDEN, _HIDDEN, bias=False)
        self.mix = nn.Linear(2 * _HIDDEN, _HIDDEN)
        self.out = nn.Linear(_HIDDEN, len(self.target.names))
        self.drop = nn.Dropout(0.2)

    def fit(self, train: Sequence[Task], epochs: int) -> None:
        rows = [
            (self.source([w.value for w in words_of(task.text)]), [1, *self.target(_code_tokens(task.code)), 2])
            for task in train
        ]
        optimizer = torch.optim.Adam(self.parameters(), 2e-3)
        rng = random.Random(0)
        per_epoch = -(-len(rows) // _BATCH)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.02, 1 - step / (epochs * per_epoch)))
        self.train()
        for _ in range(epochs):
            order = sorted(rng.sample(rows, len(rows)), key=lambda row: len(row[1]))
            batches = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
            for batch in rng.sample(batches, len(batches)):
                source, target = (_pad([row[i] for row in batch]) for i in range(2))
                memory, state = self.encode(source)
                logits, _ = self.decode(target[:, :-1], memory, source == 0, state)
                loss = functional.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=0)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.parameters(), 5.0)
                optimizer.step()
                schedule.step()
        self.eval()

    def encode(self, source: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        lengths = (source != 0).sum(1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.drop(self.words(source)), lengths, batch_first=True, enforce_sorted=False
        )
        outputs, (h, c) = self.encoder(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=source.shape[1])
        return memory, (torch.cat([h[0], h[1]], 1)[None], torch.cat([c[0], c[1]], 1)[None])

    def decode(self, tokens: Tensor, memory: Tensor, padding: Tensor, state: Any) -> tuple[Tensor, Any]:
        outputs, state = self.decoder(self.drop(self.tokens(tokens)), state)
        scores = (self.query(outputs) @ memory.transpose(1, 2)).masked_fill(padding[:, None], -1e9)
        seen = torch.softmax(scores, 2) @ memory
        return self.out(self.drop(torch.tanh(self.mix(torch.cat([outputs, seen], 2))))), state

    @torch.no_grad()
    def write(self, text: str, beam: int) -> list[str]:
        """Codes of a beam, best first."""
        source = torch.tensor([self.source([word.value for word in words_of(text)])])
        memory, state = self.encode(source)
        live: list[tuple[float, list[int]]] = [(0.0, [1])]
        done: list[tuple[float, list[int]]] = []
        for _ in range(_MAX_TOKENS):
            tokens = torch.tensor([[ids[-1]] for _, ids in live])
            logits, state = self.decode(tokens, memory.expand(len(live), -1, -1), source == 0, state)
            log_probs = torch.log_softmax(logits[:, 0], 1)
            values, indices = log_probs.topk(min(beam, log_probs.shape[1]), 1)
            options = [
                (live[row][0] + float(value), row, int(index))
                for row in range(len(live))
                for value, index in zip(values[row], indices[row], strict=True)
            ]
            options.sort(reverse=True)
            kept: list[tuple[float, list[int]]] = []
            rows = []
            for score, row, index in options:
                if len(kept) >= beam:
                    break
                if index == 2:
                    done.append((score, live[row][1][1:]))
                else:
                    kept.append((score, [*live[row][1], index]))
                    rows.append(row)
            live = kept
            state = tuple(each[:, rows] for each in state)
            if len(done) >= beam:
                break
        return [" ".join(self.target.names[i] for i in ids) for _, ids in sorted(done, reverse=True)]


def _pad(rows: Sequence[Sequence[int]]) -> Tensor:
    width = max(map(len, rows))
    return torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
