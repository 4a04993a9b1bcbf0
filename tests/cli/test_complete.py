"""codling complete, as other programs call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import call_codling

SOURCE = 'import os\n\n\ndef köder(x):\n    name = "🐟" + x\n    return name\n'


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: object, stdin: bytes = b"") -> tuple[int, str, str]:
        """Exit code, stdout and stderr of `codling ARGUMENTS`."""
        return call_codling([*arguments], stdin, monkeypatch, capsys)

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fish.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def rows(*cases: dict) -> bytes:
    return "".join(json.dumps(case) + "\n" for case in cases).encode()


CASES = [
    {"id": "a", "language": "python", "prefix": "x = [1, 2"},
    {"id": 2, "language": "python", "path": "a/b.py", "prefix": "y = self.", "suffix": "\nz = 1\n"},
    {"id": None, "language": "python", "prefix": "total", "expected": "a key that nobody knows"},
]


def test_batch(run, tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(rows(*CASES))
    code, out, err = run("complete", "--batch", path, "--model", tiny)
    assert (code, err) == (0, "")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", 2, None]
    for answer in answers:
        assert set(answer) == {"id", "suggestions", "ms"}
        assert answer["ms"] > 0
        (suggestion,) = answer["suggestions"]
        assert set(suggestion) == {"text", "score"}
        assert suggestion["text"].strip()
        assert 0 < suggestion["score"] <= 1


def test_batch_from_stdin_with_limit_and_kind(run, tiny: Path) -> None:
    code, out, _ = run("complete", "--batch", "-", "--kind", "token", "--limit", 5, "--model", tiny, stdin=rows(*CASES))
    assert code == 0
    for line in out.splitlines():
        texts = [row["text"] for row in json.loads(line)["suggestions"]]
        assert 1 < len(texts) <= 5
        assert len(set(texts)) == len(texts)


def test_blank_rows_are_passed_over(run, tiny: Path) -> None:
    code, out, _ = run("complete", "--batch", "-", "--model", tiny, stdin=b"\n" + rows(CASES[0]) + b"\n  \n")
    assert (code, len(out.splitlines())) == (0, 1)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (b"{not json}\n", "not JSON"),
        (b"[1, 2]\n", "list"),
        (b'{"id": 1}\n', "'prefix'"),
        (b'{"prefix": "x"}\n', "'id'"),
        (b'{"id": 1, "prefix": 5}\n', "'prefix' must be a string, not int"),
        (b'{"id": 1, "prefix": "x", "suffix": [1]}\n', "'suffix' must be a string"),
        (b'{"id": 1, "prefix": "x", "language": 3}\n', "'language' must be a string"),
        (b'{"id": 1, "prefix": "a\\u0000b"}\n', "NUL"),
        (b"\xff\xfe\n", "not JSON"),
        (b'{"id": NaN, "prefix": "x"}\n', "NaN is not in JSON"),
        (b"[" * 100_000 + b"\n", "not JSON"),
    ],
)
def test_a_broken_row(run, tiny: Path, broken: bytes, says: str) -> None:
    code, out, err = run("complete", "--batch", "-", "--model", tiny, stdin=rows(CASES[0]) + broken + rows(CASES[1]))
    assert code == 2
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["a"]  # what came before is answered
    assert err.count("\n") == 1
    assert "line 2" in err
    assert says in err


def test_an_id_that_no_encoding_knows(run, tiny: Path) -> None:
    code, out, _ = run(
        "complete", "--batch", "-", "--model", tiny, stdin=b'{"id": "\\ud800", "prefix": "x = [\\ud800"}\n'
    )
    assert code == 0
    assert json.loads(out)["id"] == "\ud800"


def test_answers_stream(tiny: Path) -> None:
    """A row is answered before the next one is sent: an editor may keep the process open."""
    command = [sys.executable, "-m", "codling.cli", "complete", "--batch", "-", "--model", str(tiny)]
    code = "from codling.cli import main; main()"
    command[1:3] = ["-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        for case in CASES:
            process.stdin.write(rows(case))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == case["id"]
        process.stdin.close()
        assert process.wait(20) == 0


def test_one_place_in_a_file(run, tiny: Path, file: Path) -> None:
    code, out, _ = run("complete", file, "--line", 5, "--column", 10, "--model", tiny, "--json", "-n", 3)
    assert code == 0
    answer = json.loads(out)
    assert (answer["line"], answer["column"], answer["model"]) == (5, 10, "tiny")
    assert set(answer) == {"file", "line", "column", "model", "suggestions", "ms"}
    prefix = SOURCE[: SOURCE.index("= ")]
    from codling import Completer

    expected = Completer(tiny, sure=0).complete(prefix, SOURCE[len(prefix) :], limit=3)
    assert [row["text"] for row in answer["suggestions"]] == [row.text for row in expected.suggestions]


def test_columns_count_characters(run, tiny: Path, file: Path) -> None:
    end = len('    name = "🐟" + x') + 1
    for column, code in ((end, 0), (end + 1, 2)):
        assert run("complete", file, "-l", 5, "-c", column, "--model", tiny)[0] == code


def test_without_a_place_at_the_end(run, tiny: Path, file: Path) -> None:
    code, out, _ = run("complete", file, "--model", tiny, "--json")
    answer = json.loads(out)
    assert (code, answer["line"], answer["column"]) == (0, 7, 1)


def test_people_see_text(run, tiny: Path, file: Path) -> None:
    code, out, _ = run("complete", file, "-l", 5, "-c", 10, "--model", tiny, "--kind", "token", "-n", 2)
    assert code == 0
    assert len(out.splitlines()) == 2
    assert 0 < float(out.split()[0]) <= 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--batch"),
        (("FILE", "--batch", "x"), "--batch"),
        (("FILE", "--line", 99), "lines 1 to 7"),
        (("FILE", "--line", 0), "lines 1 to 7"),
        (("FILE", "--line", 1, "--column", 0), "columns 1 to 10"),
        (("FILE", "--limit", 0), "limit"),
        (("missing.py",), "missing.py"),
        (("BINARY",), "binary"),
        (("LATIN",), "UTF-8"),
        (("--batch", "missing.jsonl"), "missing.jsonl"),
    ],
)
def test_mistakes_are_one_line(run, tiny: Path, file: Path, arguments: tuple, says: str) -> None:
    (file.parent / "binary").write_bytes(b"\x7fELF\0\0")
    (file.parent / "latin").write_bytes("köder = 1\n".encode("latin-1"))
    paths = {"FILE": file, "BINARY": file.parent / "binary", "LATIN": file.parent / "latin"}
    code, out, err = run("complete", *(paths.get(each, each) for each in arguments), "--model", tiny)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert says in err


def test_the_default_model_follows_the_language(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tiny_bundle import tiny_bundle

    monkeypatch.setenv("CODLING_HOME", str(tmp_path))
    for name, language in (("java", "java"), ("python", "python"), ("another", "python")):
        tiny_bundle(tmp_path / "bundles", name=name, language=language)
    for name, model in (("A.java", "java"), ("a.py", "python"), ("a.rb", "python")):
        (tmp_path / name).write_text("x = [1, 2", encoding="utf-8")
        _, out, _ = run("complete", tmp_path / name, "--json")
        assert json.loads(out)["model"] == model


def test_no_such_model(run, file: Path) -> None:
    code, _, err = run("complete", file, "--model", "no-such-model")
    assert code == 2
    assert "no-such-model" in err


@pytest.fixture
def commented(tmp_path: Path) -> Path:
    path = tmp_path / "commented.py"
    path.write_text("import sys\n\n# set rows to total\n\n", encoding="utf-8")
    return path


def test_the_program_that_a_comment_asks_for(run, tiny: Path, commented: Path) -> None:
    from tiny_writer import tiny_writer

    command = ("complete", commented, "--line", "4", "--model", tiny, "--json")
    asked = ("--from-comments", "--writer", tiny_writer()[1].path)
    first = json.loads(run(*command, *asked)[1])["suggestions"][0]
    assert (first["text"], first["origin"]) == ("rows = total", "description")
    assert all("origin" not in each for each in json.loads(run(*command)[1])["suggestions"])
    case = {"id": 1, "path": "a.py", "prefix": "# set rows to total\n"}
    java = {"id": 2, "language": "java", "prefix": "// set rows to total\n"}  # nobody writes Java
    _, out, _ = run("complete", "--batch", "-", "--model", tiny, *asked, stdin=rows(case, java))
    answers = [json.loads(line)["suggestions"] for line in out.splitlines()]
    assert answers[0][0]["text"] == "rows = total"
    assert all("origin" not in each for each in answers[1])


def test_who_is_to_write_programs_must_be_there(run, tiny: Path, commented: Path) -> None:
    command = ("complete", commented, "--model", tiny)
    for asked, says in (
        (("--from-comments", "--writer", "nobody"), "no bundle 'nobody'"),
        (("--from-comments", "--writer", tiny), "not a writer of programs"),
        (("--writer", "write"), "give both"),
    ):
        code, _, err = run(*command, *asked)
        assert code == 2
        assert says in err


def test_answers_are_utf_8_whatever_the_locale_says(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "köder 🐟.py"
    path.write_text("x = 1\n", encoding="utf-8")
    command = [sys.executable, "-m", "codling", "complete", str(path), "--model", str(tiny), "--json"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert json.loads(done.stdout.decode("utf-8"))["file"] == str(path)
