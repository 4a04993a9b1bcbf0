"""Words, steps, the network and its training; the network against what runs without PyTorch."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.errors import BundleError, InputError, TrainingError
from codling.trees.grammar import PYTHON, Derivation, Tree, actions_of, write_source
from codling.trees.grammar.asdl import Production
from codling.trees.writing.batches import NUM_NEAR, REACH, Collator, in_batches, near, num_steps
from codling.trees.writing.config import writer_preset
from codling.trees.writing.lexicon import TEXT, Lexicon
from codling.trees.writing.measures import corpus_bleu, exact, sentence_bleu
from codling.trees.writing.network import WriterConfig, WriterNet
from codling.trees.writing.pairs import Pair, read_pairs, read_program, whole_program
from codling.trees.writing.renaming import Renaming, shared_parts
from codling.trees.writing.steps import Example, Progress, example_of, said, spelling
from codling.trees.writing.train import train_writer
from codling.trees.writing.watching import Epoch, Watcher
from codling.trees.writing.words import MAX_WORDS, Word, words_of
from trees.random_trees import random_tree
from trees.small_pairs import pair, small_pairs

PAIRS = small_pairs()
READ = [(words_of(each.text), each.tree) for each in PAIRS]
LEXICON = Lexicon.of(READ, num_pieces=400)


def values(description: str) -> list[tuple[str, str]]:
    return [(word.value, word.kind) for word in words_of(description)]


@pytest.mark.parametrize(
    ("description", "right"),
    [
        ("set self.x_1 to 2.5,", "set self . x_1 to 2.5 ,"),
        ("it's the element's name", "it ' s the element ' s name"),
        ("split `a.b` here", "split a.b a . b here"),
        ("a 'no \"x\"' b", 'a no "x" no " x " b'),
        ("x̌ 🐟 ß", "x ̌ 🐟 ß"),
    ],
)
def test_words(description: str, right: str) -> None:
    assert " ".join(value for value, _ in values(description)) == right


def test_quoted_texts_are_the_literals_they_are() -> None:
    assert ("a\nb", "single") in values(r"join with 'a\nb'")
    assert (r"a\nb", "raw") in values(r"join with 'a\nb'")
    assert ("\\d", "single") in values(r"match r'\d'")
    assert values("an open ' quote") == [("an", "name"), ("open", "name"), ("'", "sign"), ("quote", "name")]


def test_records_give_their_fields_as_wholes() -> None:
    found = values("Mark of the Wild NAME_END -1 ATK_END Druid PLAYER_CLS_END Give <b>Taunt</b>")
    assert found[:2] == [("Mark of the Wild", "field"), ("MarkOfTheWild", "joined")]
    assert ("NAME_END", "marker") in found
    assert ("DRUID", "joined") in found
    assert ("Taunt", "name") in found


@pytest.mark.parametrize(
    ("title", "right"),
    [
        ("Kor'kron Elite", [("Kor'kron Elite", "field"), ("KorkronElite", "joined")]),
        ("Alarm-o-Bot", [("Alarm-o-Bot", "field"), ("AlarmoBot", "joined")]),
        ("Imp", [("Imp", "name"), ("IMP", "joined")]),
        ("-1", [("-1", "number")]),
        ("NIL", [("NIL", "name")]),
        ("...", [(".", "sign"), (".", "sign"), (".", "sign")]),
    ],
)
def test_titles_of_records(title: str, right: list[tuple[str, str]]) -> None:
    assert values(f"{title} NAME_END <i>x</i> y") == [*right, ("NAME_END", "marker"), ("x", "name"), ("y", "name")]


def test_emphasized_terms_of_records_are_names_too() -> None:
    found = values("Imp NAME_END 'a' <b>Divine Shield</b>, <b>Overload:</b> (2) <b>Spell Damage +1</b>")[3:]
    names = [value for value, kind in found if kind == "joined"]
    assert names == ["divine_shield", "overload", "spell_damage"]
    assert [value for value, kind in found if kind != "joined"] == [
        *("a", "Divine", "Shield", ",", "Overload", ":", "(", "2", ")", "Spell", "Damage", "+", "1")
    ]


def test_markup_is_part_of_what_is_no_record() -> None:
    assert [value for value, _ in values("close the <b> tag")] == ["close", "the", "<", "b", ">", "tag"]


@given(st.text(max_size=400))
def test_any_text_has_words(text: str) -> None:
    assert len(words_of(text * 3)) <= MAX_WORDS


def follow(example: Example, lexicon: Lexicon) -> Tree:
    """The tree that an example's steps lead to, by the step's targets alone."""
    from codling.trees.grammar import tree_of

    texts = [word.value for word in example.words]
    progress = Progress(Derivation.start(PYTHON))
    for number, step in enumerate(example.steps):
        assert step.action == progress.action
        assert step.parent == progress.slot.parent
        if step.rule == 0:
            progress = progress.close()
        elif step.rule > 0:
            progress = progress.apply(lexicon.productions[step.rule - 1], step.rule - 1, number)
        elif not step.spelling:
            text = lexicon.wholes[step.whole] if step.whole >= 0 else texts[step.copies[0]]
            assert all(texts[place] == text for place in step.copies)
            progress = progress.write(text, texts)
        elif step.piece == lexicon.vocab.size:
            progress = progress.end()
        elif step.piece >= 0:
            progress = progress.spell(said(lexicon, step.piece), lexicon.piece_action(step.piece), texts)
        else:
            progress = progress.spell(texts[step.copies[0]], TEXT, texts)
    return tree_of(PYTHON, progress.derivation.actions())


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from(["", "set name_1 to 'a'", "call os with 🐟", 'it\'s "q" {x}']))
def test_steps_lead_back_to_the_tree(seed: int, description: str) -> None:
    """For any tree, texts that the lexicon lacks spelt with words and pieces."""
    tree = random_tree(random.Random(seed))
    productions = {each.name for each in actions_of(tree) if isinstance(each, Production)}
    lexicon = Lexicon(sorted(productions), ["x", ""], ["x"], LEXICON.vocab)
    assert follow(example_of(words_of(description), tree, lexicon), lexicon) == tree


def test_spelling_takes_the_longest_words() -> None:
    parts = spelling("get_user_by_name🐟", ["user", "get", "by_name"], LEXICON)
    assert [part for part, piece in parts if piece is None] == ["get", "user", "by_name"]
    joined = "".join(part for part, _ in parts)
    assert joined.encode("utf-8", "surrogateescape").decode() == "get_user_by_name🐟"


def test_an_unknown_production_cannot_be_taught() -> None:
    with pytest.raises(InputError, match="lexicon has no"):
        example_of(words_of("x"), read_program("async def f(): await x"), LEXICON)


def test_the_lexicon_survives_json() -> None:
    again = Lexicon.from_json(json.dumps(LEXICON.to_json()))
    assert again.to_json() == LEXICON.to_json()
    assert (again.masks == LEXICON.masks).all()


def test_a_lexicon_keeps_its_numbers_when_the_grammar_grows() -> None:
    """A written lexicon numbers fields and types by itself."""
    data = LEXICON.to_json()
    data["fields"], data["types"] = data["fields"][::-1], data["types"][::-1]
    again = Lexicon.from_json(json.dumps(data))
    slot = Derivation.start(PYTHON).take(PYTHON.named("Module+body")).slot
    assert slot is not None
    assert again.field(slot) == len(data["fields"]) + 1 - LEXICON.field(slot)
    assert (again.masks[again.mask(slot)] == LEXICON.masks[LEXICON.mask(slot)]).all()
    data["fields"].remove("Module.body")
    with pytest.raises(BundleError, match=r"Module\.body"):
        Lexicon.from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "writer", "format": 99}', '{"kind": "writer", "format": 1}'])
def test_a_damaged_lexicon_is_refused(text: str) -> None:
    with pytest.raises(BundleError):
        Lexicon.from_json(text)


def test_a_lexicon_of_another_grammar_is_refused() -> None:
    data = LEXICON.to_json() | {"productions": ["Module+body", "Telepathy"]}
    with pytest.raises(BundleError, match="Telepathy"):
        Lexicon.from_json(json.dumps(data))


def test_near() -> None:
    assert near(3, torch.tensor([-1, 1])).tolist() == [[NUM_NEAR - 1] * 3, [REACH - 1, REACH, REACH + 1]]


def net(seed: int = 0) -> WriterNet:
    torch.manual_seed(seed)
    made = WriterNet(LEXICON, WriterConfig(embedding=24, encoder=16, hidden=32, field=8))
    return made.eval()


@torch.no_grad()
def test_padding_and_company_change_nothing() -> None:
    examples = [example_of(*each, LEXICON) for each in READ[::17]]
    model, collate = net(), Collator(LEXICON)
    together = model.loss(collate(examples))
    alone = [model.loss(collate([example])) for example in examples]
    assert float(together.nats) == pytest.approx(sum(float(each.nats) for each in alone), rel=1e-4)
    assert together.steps == sum(each.steps for each in alone)


@torch.no_grad()
def test_probabilities_of_a_step_sum_to_one() -> None:
    """Over everything that the grammar allows: the ways to a text are counted once each."""
    example = example_of(*READ[0], LEXICON)
    model, collate = net(), Collator(LEXICON)
    batch = collate([example])
    states, memory, near_ = model._states(batch)
    rules, texts = batch.masks_BT >= 0, batch.masks_BT == -1
    logits = model.rules(states[rules]).masked_fill(~model.masks[batch.masks_BT[rules]], -1e9)
    assert torch.isfinite(logits.logsumexp(1)).all()
    right, _ = model._texts(states, memory, near_, batch, texts)
    assert (right.exp() <= 1 + 1e-5).all()


def test_gradients_reach_every_weight() -> None:
    examples = [example_of(*each, LEXICON) for each in READ]
    odd = pair("spell it: unheard_of", "unheard_of_name(rows)")
    examples.append(example_of(words_of(odd.text), odd.tree, LEXICON))
    model = net()
    losses = model.loss(Collator(LEXICON)(examples))
    losses.nats.backward()  # type: ignore[no-untyped-call]
    without = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not without


def test_batches_hold_every_example_once() -> None:
    examples = [example_of(*each, LEXICON) for each in READ]
    batches = list(in_batches(examples, 200, random.Random(1), num_steps))
    assert sorted(id(each) for batch in batches for each in batch) == sorted(map(id, examples))
    assert all(len(batch) * max(len(each.steps) for each in batch) <= 200 or len(batch) == 1 for batch in batches)


def test_renaming_changes_words_and_program_alike() -> None:
    words, tree = words_of("set timeout to rows."), read_program("timeout = rows")
    assert shared_parts(words, tree).names == ("timeout", "rows")
    renaming, rng = Renaming([(words, tree), *READ], LEXICON), random.Random(3)
    said = set()
    for _ in range(9):
        drawn = renaming.draw(0, rng)
        assert drawn is not None
        left, right = write_source(drawn[1]).split(" = ")
        assert [word.value for word in drawn[0]] == ["set", left, "to", right, "."]
        said.add((left, right))
    assert len(said) > 3
    assert not shared_parts(words_of("print self"), read_program("print(self)"))


CARDS = [
    "Mark of the Wild NAME_END 7 ATK_END Druid PLAYER_CLS_END <b>Taunt</b>",
    "Wolf Rider NAME_END 3 ATK_END Neutral PLAYER_CLS_END Taunt",
]


def test_renaming_gives_a_record_another_title_and_number_but_leaves_what_its_text_says() -> None:
    cards = []
    for each in CARDS:
        words = words_of(each)
        title, joined, _, number, *_ = (word.value for word in words)
        cards.append((words, read_program(f"class {joined}(Card): make({title!r}, {number}, Taunt())")))
    renaming, rng = Renaming(cards, LEXICON), random.Random(3)
    drawn = [renaming.draw(0, rng) for _ in range(20)]
    titles, numbers = set(), set()
    for words, tree in filter(None, drawn):
        title, joined, _, number, *rest = (word.value for word in words)
        assert write_source(tree) == f"class {joined}(Card):\n    make({title!r}, {number}, Taunt())"
        assert rest == ["ATK_END", "Druid", "DRUID", "PLAYER_CLS_END", "Taunt", "taunt"]
        titles.add(title)
        numbers.add(number)
    assert titles == {"Mark of the Wild", "Wolf Rider"}
    assert len(numbers) > 3


def test_a_number_that_stands_twice_is_left_alone() -> None:
    """Nobody knows which of the two is which."""
    words, tree = words_of("add 3 to the 3 of 4"), read_program("f(3, 4)")
    assert shared_parts(words, tree).numbers == ("4",)


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        (" if m :", "if m :pass"),
        ("elif x:", "if True: pass\nelif x:pass"),
        ("else:", "if True: pass\nelse:pass"),
        ("try:", "try:pass\nexcept: pass"),
        ("except A:", "try: pass\nexcept A:pass"),
        ("@x", "@x\ndef dummy(): pass"),
        ("elifs = 1", "elifs = 1"),
    ],
)
def test_lines_are_completed(line: str, whole: str) -> None:
    assert whole_program(line) == whole
    read_program(line)


def test_pairs_are_read_and_bad_rows_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"text": "a", "code": "x = 1"}\n{"text": "b", "code": "x = ("}\n')
    good, bad = read_pairs(path)
    assert isinstance(good, Pair)
    assert isinstance(bad, InputError)
    assert "line 2" in str(bad)
    for text in ("no json", "[]", '{"text": "a"}'):
        path.write_text(text)
        with pytest.raises(InputError, match="line 1"):
            list(read_pairs(path))
    with pytest.raises(InputError, match="cannot read"):
        list(read_pairs(tmp_path / "none"))


def test_measures() -> None:
    assert exact("if m :", "if m:\n    pass")
    assert not exact("if m:", "if n:")
    assert corpus_bleu(["a = b(c)"], ["a = b(c)"]) == pytest.approx(100)
    assert corpus_bleu(["a = b(c, d)"], ["a = b(c)"]) == pytest.approx(100 * (6 / 8 * 4 / 7 * 3 / 6 * 2 / 5) ** 0.25)
    assert corpus_bleu(["x"], ["y"]) == 0
    assert sentence_bleu("a = b(c)", "a = b(c)") == pytest.approx(100)
    assert sentence_bleu("x", "a = b(c)") == 0
    assert 0 < sentence_bleu("a = x", "a = b(c)") < sentence_bleu("a = b", "a = b(c)") < 100


def test_a_small_writer_learns_and_goes_on_after_a_stop(tmp_path: Path) -> None:
    small = WriterConfig(embedding=24, encoder=16, hidden=32, field=8, dropout=0.0)
    run = dataclasses.replace(writer_preset("write-tiny"), epochs=3, batch_steps=96, model=small)
    pairs, dev = PAIRS[::2], {"dev": PAIRS[1::8]}
    whole = train_writer(pairs, dev, run, tmp_path / "whole")
    assert whole.epochs[-1].nats < 0.8 * whole.epochs[0].nats

    class StopError(Exception):
        pass

    class Stop(Watcher):
        def epoch(self, epoch: Epoch) -> None:
            raise StopError

    with pytest.raises(StopError):
        train_writer(pairs, dev, run, tmp_path / "parts", watcher=Stop())
    parts = train_writer(pairs, dev, run, tmp_path / "parts")
    assert [each.nats for each in parts.epochs] == [each.nats for each in whole.epochs]
    for name, weight in whole.net.named_parameters():
        assert torch.equal(weight, parts.net.get_parameter(name)), name
    once = dataclasses.replace(run, epochs=1)
    more = train_writer(pairs, dev, once, tmp_path / "more", init=tmp_path / "whole", times=[2] * len(pairs))
    assert more.epochs[0].nats < whole.epochs[-1].nats < whole.epochs[0].nats
    assert more.lexicon.to_json() == whole.lexicon.to_json()
    with pytest.raises(TrainingError, match="another run"):
        train_writer(pairs, dev, dataclasses.replace(run, seed=1), tmp_path / "parts")


def test_nothing_to_train_on_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no pairs"):
        train_writer([], {"dev": PAIRS}, writer_preset("write-tiny"), tmp_path)


def test_words_of_a_kind_that_the_program_lacks_are_kept() -> None:
    example = example_of([Word("x", "name"), Word("x", "sign")], read_program("x"), LEXICON)
    assert example.steps[-2].copies == (0, 1)
