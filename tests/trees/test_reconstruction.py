"""Descriptions said back from programs: examples, the network, its training, and the graph against the network."""

from __future__ import annotations

import dataclasses
import math
import signal
from pathlib import Path

import pytest
import torch

from codling.bundle import Card, write_bundle
from codling.errors import BundleError, TrainingError
from codling.trees.grammar import Action, actions_of
from codling.trees.writing.config import writer_preset
from codling.trees.writing.lexicon import FIRST_RULE, START, TEXT, Lexicon
from codling.trees.writing.network import WriterConfig
from codling.trees.writing.pairs import read_program
from codling.trees.writing.reconstruction import TABLES, Tables, asked_by, counted, retold, said_by
from codling.trees.writing.reconstruction_graph import build_reconstruction
from codling.trees.writing.reconstruction_net import Reconstruction, RetoldCollator
from codling.trees.writing.reconstruction_train import CHECKPOINT
from codling.trees.writing.train import train_writer
from codling.trees.writing.watching import Epoch, Watcher
from codling.trees.writing.words import Word, words_of
from codling.write.retelling import Retelling
from tiny_writer import NUM_HELD_OUT, tiny_writer
from trees.small_pairs import small_pairs

PAIRS = small_pairs()
READ = [(words_of(each.text), each.tree) for each in PAIRS]
LEXICON = Lexicon.of(READ, num_pieces=400)
TABLES_OF = Tables(LEXICON, said_by((words for words, _ in READ), 3))


def net() -> Reconstruction:
    torch.manual_seed(0)
    return Reconstruction(TABLES_OF, WriterConfig(embedding=24, encoder=16, hidden=32)).eval()


def test_a_program_is_read_as_its_actions_without_the_ends_of_lists() -> None:
    example = retold(words_of("call cache with 'a b'"), actions_of(read_program("cache('a b')")), LEXICON)
    texts = [text for text in example.texts if text]
    assert texts == ["cache", "a b"]
    assert [number == TEXT for number in example.actions] == [bool(text) for text in example.texts]
    assert all(number == TEXT or number >= FIRST_RULE for number in example.actions)
    assert [word.value for word in example.words] == ["call", "cache", "with", "a b"]  # not the string's words again


def test_an_unknown_production_is_read_as_one_that_says_nothing() -> None:
    example = retold(words_of("x"), actions_of(read_program("async def f(): await x")), LEXICON)
    assert START in example.actions


def test_words_that_are_said_are_those_that_are_frequent() -> None:
    descriptions = [words_of(text) for text in ("a b", "a b", "a 'c d'", "a")]
    assert said_by(descriptions, 2) == ["a", "b"]


@torch.no_grad()
def test_padding_and_company_change_nothing() -> None:
    examples = [retold(words, actions_of(tree), LEXICON) for words, tree in READ[::29]]
    model, collate = net(), RetoldCollator(TABLES_OF)
    together, _ = model.loss(collate(examples))
    for row, example in zip(together, examples, strict=True):
        alone, _ = model.loss(collate([example]))
        assert float(row.sum()) == pytest.approx(float(alone.sum()), rel=1e-4)
        assert (row[len(example.words) + 1 :] == 0).all()


@torch.no_grad()
def test_the_ways_to_a_word_add_up_to_one() -> None:
    """Over all words that could stand at a place: those that are said, unknown ones, the end, and copies."""
    model, collate = net(), RetoldCollator(TABLES_OF)
    words, actions = words_of("call x"), list(actions_of(read_program("cache(x_1)")))
    total = 0.0
    for value in {*TABLES_OF.said, "never_seen", "x_1", "cache"}:
        word = dataclasses.replace(words[0], value=value)
        nats, _ = model.loss(collate([retold([word], actions, LEXICON)]))
        total += float((-nats[0, 0]).exp())
    nats, _ = model.loss(collate([retold([], actions, LEXICON)]))  # nothing is said: the end at once
    total += float((-nats[0, 0]).exp())
    assert total == pytest.approx(1, abs=1e-3)


@torch.no_grad()
def test_the_graph_is_the_network(tmp_path: Path) -> None:
    """Products in int8 are off by little; everything around them must not be."""
    model = net()
    files = build_reconstruction(model)
    card = Card(name="said", kind="write", description="", languages=("python",), licence="Apache-2.0")
    bundle = write_bundle(tmp_path / "said", card, files)
    retelling = Retelling(bundle)
    for i in range(0, len(READ), 41):
        programs = [list(actions_of(READ[j][1])) for j in (i, *range(0, len(READ), 7))]  # more than one call takes
        assert retelling.nats(READ[i][0], programs) == pytest.approx(by_network(model, READ[i][0], programs), rel=2e-3)
    assert len(retelling.nats(READ[0][0], [])) == 0
    for description in ("join x with '' now", "import module os.path", "''", "a 'b c' \"\" `` 🐟"):
        words, programs = words_of(description), [list(actions_of(read_program("''.join(x)")))]
        assert retelling.nats(words, programs) == pytest.approx(by_network(model, words, programs), rel=2e-3)
    assert retelling.nats(words_of("..."), programs).tolist() == [0]


@torch.no_grad()
def by_network(model: Reconstruction, words: list[Word], programs: list[list[Action]]) -> list[float]:
    """What the graph should say: the words without the signs that end them, and without the end."""
    asked = asked_by(words)
    nats, _ = model.loss(RetoldCollator(TABLES_OF)([retold(asked, actions, LEXICON) for actions in programs]))
    counts = counted(asked)
    return [
        sum(float(each) for each, counts_it in zip(row, counts, strict=False) if counts_it) / math.sqrt(sum(counts))
        for row in nats
    ]


@pytest.mark.parametrize(
    ("description", "right"),
    [
        ("import module os.path now", [True, True, True, False, False, False, True]),
        ("from a.b import c.d", [True, True, False, False, False, True, True, False, False, False]),
        ("set a.b to `c.d`", [True] * 6),
        ("", []),
    ],
)
def test_a_dotted_name_counts_once(description: str, right: list[bool]) -> None:
    assert counted(asked_by(words_of(description))) == right


def test_a_sign_at_the_end_changes_nothing() -> None:
    _, bundle = tiny_writer()
    retelling, programs = Retelling(bundle), [list(actions_of(pair.tree)) for pair in PAIRS[:5]]
    right = retelling.nats(words_of("set rows to total"), programs).tolist()
    for ending in (".", ",", ":", "...", " ?!"):
        assert retelling.nats(words_of(f"set rows to total{ending}"), programs).tolist() == right


def test_tables_of_another_network_are_refused(tmp_path: Path) -> None:
    card = Card(name="said", kind="write", description="", languages=("python",), licence="Apache-2.0")
    graph = build_reconstruction(net())
    other = dataclasses.replace(WriterConfig(), embedding=24, encoder=16, hidden=32)
    tables = build_reconstruction(Reconstruction(Tables(LEXICON, [*TABLES_OF.said, "more"]), other))[TABLES]
    with pytest.raises(BundleError, match="is not of"):
        Retelling(write_bundle(tmp_path / "other", card, graph | {TABLES: tables}))


def test_the_right_program_misses_its_description_least() -> None:
    trained, bundle = tiny_writer()
    assert trained.reconstruction_epochs[-1].nats < trained.reconstruction_epochs[0].nats
    retelling, right = Retelling(bundle), 0
    others = [list(actions_of(pair.tree)) for pair in PAIRS[NUM_HELD_OUT::9]]
    for pair in PAIRS[:NUM_HELD_OUT]:
        nats = retelling.nats(words_of(pair.text), [list(actions_of(pair.tree)), *others])
        right += int(nats.argmin() == 0)
    assert right > 0.8 * NUM_HELD_OUT


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"said": ["a"], "lexicon": {}}'),
        *('{"said": [1], "lexicon": {}, "graph": ""}', '{"said": ["a"], "lexicon": 3, "graph": ""}'),
    ],
)
def test_damaged_tables_are_refused(text: str) -> None:
    with pytest.raises(BundleError):
        Tables.from_json(text)


def test_it_goes_on_after_a_stop_and_from_another_run(tmp_path: Path) -> None:
    small = WriterConfig(embedding=24, encoder=16, hidden=32, field=8, dropout=0.0)
    run = dataclasses.replace(writer_preset("write-tiny"), epochs=1, reconstruct=2, batch_steps=96, model=small)
    pairs, dev = PAIRS[::3], {"dev": PAIRS[1::9]}
    whole = train_writer(pairs, dev, run, tmp_path / "whole")

    class StopError(Exception):
        pass

    class Stop(Watcher):
        count = 0

        def epoch(self, epoch: Epoch) -> None:
            self.count += 1
            if self.count == 2:  # the first is the writer's
                raise StopError

    with pytest.raises(StopError):
        train_writer(pairs, dev, run, tmp_path / "parts", watcher=Stop())
    parts = train_writer(pairs, dev, run, tmp_path / "parts")
    assert whole.reconstruction is not None
    assert parts.reconstruction is not None
    for name, weight in whole.reconstruction.named_parameters():
        assert torch.equal(weight, parts.reconstruction.get_parameter(name)), name
    more = train_writer(pairs, dev, run, tmp_path / "more", init=tmp_path / "whole")
    assert more.reconstruction_epochs[0].nats < whole.reconstruction_epochs[-1].nats
    (tmp_path / "whole" / TABLES).write_text("{")
    with pytest.raises(TrainingError, match="whole"):
        train_writer(pairs, dev, run, tmp_path / "again", init=tmp_path / "whole")
    longer = train_writer(pairs, dev, dataclasses.replace(run, reconstruct=0), tmp_path / "parts")
    assert longer.epochs == parts.epochs  # the writer is gone on from, whatever follows it
    assert (tmp_path / "parts" / CHECKPOINT).exists()
    with pytest.raises(TrainingError, match="another run"):
        train_writer(pairs[5:], dev, run, tmp_path / "parts")
    train_writer(pairs[5:], dev, dataclasses.replace(run, reconstruct=0), tmp_path / "parts", fresh=True)
    assert train_writer(pairs[5:], dev, run, tmp_path / "parts").reconstruction is not None


def test_a_stop_while_the_last_epoch_is_scored_is_a_stop(tmp_path: Path) -> None:
    class CtrlC(Watcher):
        def epoch(self, epoch: Epoch) -> None:
            if epoch.number == 1:
                signal.raise_signal(signal.SIGINT)

    small = WriterConfig(embedding=24, encoder=16, hidden=32, field=8, dropout=0.0)
    run = dataclasses.replace(writer_preset("write-tiny"), epochs=1, reconstruct=1, batch_steps=96, model=small)
    trained = train_writer(PAIRS[::9], {"dev": PAIRS[1::9]}, run, tmp_path, watcher=CtrlC())
    assert trained.interrupted
    assert trained.reconstruction is None
    assert train_writer(PAIRS[::9], {"dev": PAIRS[1::9]}, run, tmp_path).reconstruction is not None


def test_pairs_that_are_read_no_time_are_left_out(tmp_path: Path) -> None:
    run = dataclasses.replace(writer_preset("write-tiny"), epochs=1, reconstruct=0, batch_steps=96)
    with pytest.raises(TrainingError, match="no pair is left"):
        train_writer(PAIRS[:3], {"dev": PAIRS[3:6]}, run, tmp_path, times=[0, 0, 0])
