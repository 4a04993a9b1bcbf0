"""Stores elsewhere: Qdrant, in its local mode, finds what the embedded stores find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import code_projects as projects
import tiny_encoder
from codling.search.encoder import Encoder, read_encoder
from codling.search.index import CodeIndex
from codling.search.lexical import LexicalStore
from codling.search.neural import NeuralStore
from codling.search.prepare import prepare
from codling.search.query import parse_query
from codling.search.store import Document, Request, Store
from codling.search.terms import query_terms

qdrant_client = pytest.importorskip("qdrant_client")

from codling.search.qdrant import QdrantError, QdrantNeuralStore, QdrantWordStore, connect  # noqa: E402


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return read_encoder(tiny_encoder.write(tmp_path_factory.mktemp("bundles") / "tiny"))


@pytest.fixture(scope="module")
def documents(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    root = projects.copy_package(tmp_path_factory.mktemp("code"), "json")
    found = []
    for number, path in enumerate(sorted(root.rglob("*.py")), 1):
        name = path.relative_to(root).as_posix()
        prepared = prepare(name, path.read_bytes(), b"", 0, 0, None)
        assert prepared is not None
        from codling.search.extract import units_of

        vectors = encoder.encode_units(units_of(prepared.text, name))
        for row, entry in enumerate(prepared.entries):
            found.append(
                Document(
                    id=entry.id,
                    file=number,
                    kind=entry.kind,
                    language=entry.language,
                    names=prepared.names[row],
                    terms=prepared.terms[row],
                    vector=vectors[row],
                )
            )
    return found


def request(encoder: Encoder, text: str) -> Request:
    query = parse_query(text)
    return Request(query=query, terms=query_terms(query.text), vector=encoder.encode_queries([query.text])[0])


@pytest.fixture(params=["neural", "words"])
def pair(request: pytest.FixtureRequest, tmp_path: Path, encoder: Encoder) -> Iterator[tuple[Store, Store]]:
    """The embedded store and Qdrant's, empty."""
    client = connect(str(tmp_path / "qdrant"))
    here: Store
    there: Store
    if request.param == "neural":
        here = NeuralStore(tmp_path / "vectors", dim=encoder.dim, fingerprint=encoder.fingerprint)
        there = QdrantNeuralStore(client, "units", dim=encoder.dim)
    else:
        here, there = LexicalStore(tmp_path / "lexical", create=True), QdrantWordStore(client, "words")
    yield here, there
    here.close()
    there.close()


QUERIES = ["read json from a file", "decode a string", "list of pairs", "JSONDecoder", "encode kind:method"]


def test_both_find_the_same(pair: tuple[Store, Store], documents: list[Document], encoder: Encoder) -> None:
    for store in pair:
        store.upsert(documents)
        store.commit()
    for text in QUERIES:
        asked = request(encoder, text)
        here, there = (store.search(asked, 10) for store in pair)
        if pair[0].part == "cosine":
            if not asked.query.filters:  # the embedded store leaves filters to who asks it
                assert np.allclose([score for _, score in here], [score for _, score in there], atol=0.02)
                assert len({id_ for id_, _ in here[:5]} & {id_ for id_, _ in there}) >= 4
        else:  # other lengths count as usual, and exact names have no weight of their own
            assert bool(here) == bool(there)
            for best, others in zip([*here[:1], *there[:1]], [there, here], strict=False):
                assert best[0] in [id_ for id_, _ in others], text


def test_filters_hold(pair: tuple[Store, Store], documents: list[Document], encoder: Encoder) -> None:
    _, there = pair
    there.upsert(documents)
    there.commit()
    kinds = {each.id: each.kind for each in documents}
    found = there.search(request(encoder, "decode encode iterencode kind:method"), 20)
    assert found and {kinds[id_] for id_, _ in found} == {"method"}
    found = there.search(request(encoder, "decode json -kind:method"), 20)
    assert found and "method" not in {kinds[id_] for id_, _ in found}


def test_upsert_replaces_and_delete_removes(
    pair: tuple[Store, Store], documents: list[Document], encoder: Encoder
) -> None:
    asked = request(encoder, "read json file")
    for store in pair:
        store.upsert(documents[:40])
        assert store.search(asked, 5) == [], "nothing counts before it is committed"
        store.commit()
        store.upsert(documents[:40])
        store.commit()
        best = store.search(asked, 1)[0][0]
        assert store.explain(asked, best)
        store.delete([best])
        store.commit()
        assert best not in [id_ for id_, _ in store.search(asked, 40)]
        assert store.explain(asked, best) == {}
        store.delete([best, 12345])
        store.commit()


def test_an_index_answers_from_vectors_that_lie_elsewhere(tmp_path: Path) -> None:
    bundle = str(tiny_encoder.write(tmp_path / "bundles" / "tiny").path)
    root = projects.copy_package(tmp_path / "code", "json")
    queries = ("read json file", "parse list", "write kind:function", "close path:decoder.py")
    with CodeIndex.build(root, folder=tmp_path / "here", encoder=bundle) as here:
        wanted = [{hit.unit: hit.parts.get("meaning", 0.0) for hit in here.search(query, 8).hits} for query in queries]
    where = str(tmp_path / "qdrant")
    with CodeIndex.build(root, folder=tmp_path / "there", encoder=bundle, vectors_at=where) as there:
        for query, known in zip(queries, wanted, strict=True):
            found = {hit.unit: hit.parts.get("meaning", 0.0) for hit in there.search(query, 8).hits}
            assert len(found.keys() & known.keys()) >= 6, (
                "Qdrant's vectors are not rounded to int8: ties may fall otherwise"
            )
            for unit in found.keys() & known.keys():
                assert found[unit] == pytest.approx(known[unit], abs=0.03)
        (root / "json/late.py").write_text("def sort_list_of_json_path(path):\n    return 1\n")
        there.update()
        assert there.search("sort list of json path", 1).hits[0].path == "json/late.py"
        assert there.find_related("json/late.py", 1, k=3).hits
    with CodeIndex.build(root, folder=tmp_path / "there", encoder=bundle, vectors_at=where):
        pass
    client = connect(where)
    assert len(client.get_collections().collections) == 1, "the generation before is gone there, too"
    client.close()


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(QdrantError, match="does not answer"):
        connect("http://127.0.0.1:9")
