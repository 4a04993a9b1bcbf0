"""Order of hits: what the query is, where a unit stands, copies, files; and that the parts explain the score."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.search.candidate import BM25, COSINE, LITERAL, Candidate, Ranked
from codling.search.intent import intent_of
from codling.search.query import parse_query
from codling.search.ranking import rank
from codling.search.standing import standing_of
from codling.search.unit import Entry, UnitKind

_next = iter(range(1, 1_000_000))


def candidate(
    name: str,
    path: str = "pkg/module.py",
    *,
    kind: UnitKind = "function",
    bm25: float | None = None,
    cosine: float | None = None,
    literal: float | None = None,
    inside: str = "",
    language: str = "python",
    line: int = 1,
    content: int | None = None,
) -> Candidate:
    number = next(_next)
    entry = Entry(
        id=number,
        kind=kind,
        name=name,
        qualified_name=f"{inside}.{name}" if inside else name,
        signature=f"def {name}()",
        path=path,
        language=language,
        line=line,
        top_line=line,
        end_line=line + 5,
        has_doc=False,
        content_hash=number if content is None else content,
    )
    parts = {BM25: bm25, COSINE: cosine, LITERAL: literal}
    return Candidate(entry, {part: score for part, score in parts.items() if score is not None})


def ranked(query: str, *candidates: Candidate, k: int = 10) -> list[Ranked]:
    return rank(parse_query(query), candidates, k)


def names(found: list[Ranked]) -> list[str]:
    return [each.candidate.entry.name for each in found]


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("StaticModel", "symbol"),
        ("distill", "symbol"),
        ("os.path.join", "symbol"),
        ("std::vector", "symbol"),
        ("saving and loading models", "phrase"),
        ("JSON reader and token parsing", "phrase"),  # an acronym is a word
        ("how StaticModel encodes text", "mixture"),
        ("what calls read_json", "mixture"),
        ("", "phrase"),
    ],
)
def test_form_of_a_query(query: str, form: str) -> None:
    assert intent_of(query).form == form


def test_intent_reads_names_and_wishes() -> None:
    assert intent_of("Gson#toJson()").symbol == "Gson.toJson"
    assert intent_of("tests of the parser").wants_tests
    assert not intent_of("latest parser").wants_tests
    assert intent_of("the of").stems  # nothing but stop words still asks for something


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("tests/helper.py", "is_test"),
        ("src/test/java/com/x/Foo.java", "is_test"),
        ("pkg/test_io.py", "is_test"),
        ("command_test.go", "is_test"),
        ("src/button.spec.ts", "is_test"),
        ("FooTest.java", "is_test"),
        ("pkg/_vendor/six.py", "is_vendored"),
        ("third_party/zlib/inflate.c", "is_vendored"),
        ("static/app.min.js", "is_vendored"),
        ("api/message_pb2.py", "is_vendored"),
        ("examples/run.py", "is_example"),
        ("docs/conf.py", "is_example"),
        ("pkg/__init__.py", "is_entry"),
    ],
)
def test_standing(path: str, field: str) -> None:
    assert getattr(standing_of(path), field)


@pytest.mark.parametrize(
    "path",
    ["src/latest.py", "contest/solve.py", "pkg/attest.go", "src/Fastest.java", "lib/distribution.py", "document.py"],
)
def test_paths_that_only_look_like_it(path: str) -> None:
    assert not any(standing_of(path))


def test_an_exact_name_stands_above_everything() -> None:
    found = ranked(
        "open_file",
        candidate("open_files", "a.py", bm25=30.0, cosine=0.9),
        candidate("reopen", "b.py", bm25=25.0, cosine=0.9),
        candidate("open_file", "tests/c.py", bm25=1.0, cosine=0.1),
    )
    assert names(found)[0] == "open_file"


def test_many_exact_names_in_one_file_all_stand_above_others() -> None:
    methods = [
        candidate("forward", "net.py", inside=f"Layer{i}", line=10 * i + 1, bm25=5.0, cosine=0.4) for i in range(5)
    ]
    found = ranked("forward", *methods, candidate("forward_all", "other.py", bm25=9.0, cosine=0.9))
    assert names(found) == ["forward"] * 5 + ["forward_all"]


def test_case_and_owner_decide_between_names() -> None:
    upper, lower = candidate("Args", "a.go", bm25=4.0), candidate("args", "b.go", bm25=4.0)
    assert names(ranked("Args", lower, upper)) == ["Args", "args"]
    one, other = candidate("read", inside="Reader", path="a.py", bm25=1.0), candidate("read", "b.py", bm25=2.0)
    assert ranked("Reader.read", one, other)[0].candidate is one


def test_a_description_goes_by_meaning_a_name_by_words() -> None:
    by_words, by_meaning = (
        candidate("alpha", "a.py", bm25=10, cosine=0.2),
        candidate("beta", "b.py", bm25=4, cosine=0.8),
    )
    assert names(ranked("how things are put together", by_words, by_meaning))[0] == "beta"
    assert names(ranked("gamma", by_words, by_meaning))[0] == "alpha"


@pytest.mark.parametrize("place", ["tests/test_x.py", "third_party/x.py", "examples/x.py"])
def test_code_stands_before_what_is_beside_it(place: str) -> None:
    aside, own = candidate("load", place, bm25=10, cosine=0.6), candidate("read", "pkg/io.py", bm25=9, cosine=0.55)
    assert names(ranked("load the settings", aside, own))[0] == "read"


def test_tests_that_are_asked_for_are_not_put_down() -> None:
    test, own = (
        candidate("check", "tests/test_x.py", bm25=10, cosine=0.6),
        candidate("read", "io.py", bm25=9, cosine=0.55),
    )
    assert names(ranked("test that settings load", test, own))[0] == "check"


def test_a_poor_best_match_of_words_counts_for_little() -> None:
    """BM25 is no share of the list's best: the same list with ten times the points goes by words, this one does not."""
    by_words, by_meaning = candidate("alpha", "a.py", bm25=5, cosine=0.5), candidate("beta", "b.py", cosine=0.55)
    assert names(ranked("how things are put together", by_words, by_meaning))[0] == "beta"
    by_words.parts[BM25] = 50.0
    assert names(ranked("how things are put together", by_words, by_meaning))[0] == "alpha"


def test_one_file_does_not_fill_the_list() -> None:
    many = [candidate(f"m{i}", "big.py", line=i * 9 + 1, bm25=10 - 0.1 * i, cosine=0.6) for i in range(10)]
    other = candidate("x", "small.py", bm25=6, cosine=0.4)
    paths = [each.candidate.entry.path for each in ranked("words that all have", *many, other)]
    assert "small.py" in paths[:3]


def test_copies_are_one_hit() -> None:
    one = candidate("read", "a/io.py", bm25=9, cosine=0.5, content=7)
    copy = candidate("read", "b/io.py", bm25=8, cosine=0.5, content=7)
    near = candidate("read", "c/io.py", bm25=8, cosine=0.502)
    other = candidate("read", "d/io.py", bm25=8, cosine=0.1)
    found = ranked("read", one, copy, near, other)
    assert [each.candidate for each in found] == [one, other]
    assert set(map(id, found[0].folded)) == {id(copy), id(near)}


def test_exact_strings_order_by_number_of_matches() -> None:
    few, many = candidate("a", "a.py", literal=1), candidate("b", "b.py", literal=5)
    assert names(ranked('"some text"', few, many)) == ["b", "a"]


def test_nothing_found_gives_nothing() -> None:
    assert ranked("anything") == []


some_candidates = st.lists(
    st.builds(
        candidate,
        st.sampled_from(["read_json", "JsonReader", "main", "", "parse"]),
        st.sampled_from(["a.py", "tests/test_a.py", "vendor/b.go", "README.md", "pkg/__init__.py"]),
        kind=st.sampled_from(["function", "class", "module", "chunk", "constant"]),
        bm25=st.none() | st.floats(0, 50),
        cosine=st.none() | st.floats(-1, 1),
        literal=st.none() | st.floats(1, 20),
        line=st.integers(1, 500),
    ),
    max_size=25,
)


@given(some_candidates, st.sampled_from(["read json", "JsonReader", "how does parse work", "read_json of main", ""]))
def test_parts_add_up_and_order_is_by_score(candidates: list[Candidate], query: str) -> None:
    found = ranked(query, *candidates, k=100)
    assert sum(1 + len(each.folded) for each in found) == len(candidates)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    for each in found:
        assert sum(each.parts.values()) == pytest.approx(each.score, abs=1e-9)


@given(some_candidates, st.randoms())
def test_order_of_candidates_does_not_matter(candidates: list[Candidate], random: object) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = ranked("read json", *candidates), ranked("read json", *shuffled)
    assert [each.score for each in one] == pytest.approx([each.score for each in other])


def test_weights_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from codling.search.ranking import WEIGHTS

    test, own = candidate("load", "tests/test_x.py", bm25=10), candidate("read", "pkg/io.py", bm25=9)
    query = parse_query("load the settings")
    assert names(rank(query, [test, own], 2))[0] == "read"
    assert names(rank(query, [test, own], 2, dataclasses.replace(WEIGHTS, test=1.0)))[0] == "load"
