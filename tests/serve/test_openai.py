"""OpenAI's completions with OpenAI's own client, unmodified; /infill as llama.vim and llama.vscode send it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import openai
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from chain_bundle import LINE
from codling.complete.acceptance import Acceptance
from codling.serve.openai_messages import split_template
from serving import Serving


@pytest.fixture(scope="module")
def serving(chain: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    env = {"CODLING_HOME": str(tmp_path_factory.mktemp("home"))}
    with Serving("--model", chain, "--model", tiny, env=env) as serving:
        yield serving


@pytest.fixture(scope="module")
def client(serving: Serving) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{serving.url}v1", api_key="none", max_retries=0) as client:
        yield client


def test_the_client_lists_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["chain", "tiny"]
    assert client.models.retrieve("tiny").owned_by == "codling"


def test_a_prompt_is_continued(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="chain", prompt='"🐟".', max_tokens=50, temperature=0, stop="\n")
    assert answer.choices[0].text == LINE
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, len(LINE))  # the fish is four bytes
    assert answer.model == "chain"


def test_max_tokens_and_echo(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="chain", prompt="x.", max_tokens=4, temperature=0, echo=True)
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("x.mode", "length")
    assert client.completions.create(model="chain", prompt="x.", max_tokens=0, echo=True).choices[0].text == "x."


def test_between_prompt_and_suffix_stands_what_an_editor_would_show(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="chain", prompt="f(x.", suffix=")\n", max_tokens=50, stop=["\n"])
    assert answer.choices[0].text == LINE
    assert (
        client.completions.create(model="chain", prompt="x.", suffix="(skip=1)", max_tokens=9).choices[0].text == "mode"
    )


def test_it_streams(client: openai.OpenAI) -> None:
    chunks = list(
        client.completions.create(
            model="chain", prompt="x.", max_tokens=50, temperature=0, stop="\n", stream=True,
            stream_options={"include_usage": True},
        )
    )  # fmt: skip
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == LINE
    assert len(chunks) > 5
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == len(LINE)


def test_a_seed_makes_the_same_texts_and_choices_differ(client: openai.OpenAI) -> None:
    def texts(seed: int) -> list[str]:
        answer = client.completions.create(model="tiny", prompt="x", max_tokens=30, temperature=1, n=3, seed=seed)
        return [choice.text for choice in answer.choices]

    assert texts(1) == texts(1) != texts(2)
    assert len(set(texts(1))) == 3
    streamed = {0: "", 1: "", 2: ""}
    for chunk in client.completions.create(model="tiny", prompt="x", max_tokens=30, n=3, seed=1, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] += choice.text
    assert list(streamed.values()) == texts(1)


@pytest.mark.parametrize("suffix", [None, ")\n"])
@pytest.mark.parametrize("limit", [3, 50])
def test_a_stream_says_what_the_whole_answer_says(client: openai.OpenAI, suffix: str | None, limit: int) -> None:
    asked = {"model": "chain", "prompt": ["x.", "f(y."], "suffix": suffix, "max_tokens": limit, "seed": 3, "stop": "\n"}
    whole = client.completions.create(**asked).choices
    texts, reasons = ["", ""], ["", ""]
    for chunk in client.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
            reasons[choice.index] = choice.finish_reason
    assert texts == [choice.text for choice in whole]
    assert reasons == [choice.finish_reason for choice in whole] == ["length" if limit == 3 else "stop"] * 2


def test_log_probabilities(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="chain", prompt="x.", max_tokens=4, temperature=0, logprobs=2)
    scores = answer.choices[0].logprobs
    assert scores is not None
    assert scores.tokens == ["m", "o", "d", "e"]
    assert scores.text_offset == [2, 3, 4, 5]
    assert scores.token_logprobs is not None
    assert scores.token_logprobs == pytest.approx([math.log(0.9)] * 4, abs=1e-3)
    assert scores.top_logprobs is not None
    assert all(next(iter(top)) == token for top, token in zip(scores.top_logprobs, scores.tokens, strict=True))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "no model 'gpt-4'"),
        ({"n": 99}, openai.BadRequestError, "n"),
        ({"temperature": 3}, openai.BadRequestError, "temperature"),
        ({"prompt": [1, 2, 3]}, openai.BadRequestError, "tokens are not understood"),
        ({"presence_penalty": 1}, openai.BadRequestError, "presence_penalty is not supported"),
        ({"prompt": "\0"}, openai.BadRequestError, "NUL"),
    ],
)
def test_errors_come_in_openais_shape(
    client: openai.OpenAI, arguments: dict[str, object], error: type[openai.APIStatusError], words: str
) -> None:
    with pytest.raises(error) as raised:
        client.completions.create(**{"model": "chain", "prompt": "x", **arguments})  # type: ignore[call-overload]
    assert words in str(raised.value)
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["type"] == "invalid_request_error"


@pytest.mark.parametrize("name", ["", "codling", "default"])
def test_a_name_that_plug_ins_have_to_give_means_the_default(client: openai.OpenAI, name: str) -> None:
    assert client.completions.create(model=name, prompt="x.", max_tokens=2, temperature=0).model == "chain"


@pytest.mark.parametrize(
    "prompt",
    [
        "<fim_prefix>a < f(x.<fim_suffix>)\n<fim_middle>",
        "<|fim_prefix|>a < f(x.<|fim_suffix|>)\n<|fim_middle|>",
        "<PRE> a < f(x. <SUF>)\n <MID>",
        "<｜fim▁begin｜>a < f(x.<｜fim▁hole｜>)\n<｜fim▁end｜>",
        "[SUFFIX])\n[PREFIX]a < f(x.",
    ],
)
def test_prompts_written_for_other_models_are_understood(client: openai.OpenAI, prompt: str) -> None:
    assert split_template(prompt) == ("a < f(x.", ")\n")
    assert client.completions.create(model="chain", prompt=prompt, max_tokens=50).choices[0].text == LINE


@pytest.mark.parametrize(
    "prompt", ["", "a < b", "<fim_prefix>x", "<fim_middle><fim_suffix><fim_prefix>", "[SUFFIX] x", "<PRE> <MID>"]
)
def test_other_prompts_stay_as_they_are(prompt: str) -> None:
    assert split_template(prompt) == (prompt, None)


_TIMINGS = ("prompt_n", "prompt_ms", "prompt_per_second", "predicted_n", "predicted_ms", "predicted_per_second")

LLAMA_VIM = {
    "input_prefix": "import fish\n",
    "input_suffix": ")\nprint(tank)\n",
    "input_extra": [{"text": "class Tank: ...\n", "filename": "tank.py", "time": [1, 2]}],
    "prompt": "feed(tank.",
    "n_predict": 128,
    "stop": [],
    "n_indent": 0,
    "top_k": 40,
    "top_p": 0.9,
    "stream": False,
    "samplers": ["top_k", "top_p", "infill"],
    "cache_prompt": True,
    "t_max_prompt_ms": 500,
    "t_max_predict_ms": 250,
    "response_fields": [
        "content",
        *(f"timings/{name}" for name in _TIMINGS),
        "timings/prompt_per_token_ms",
        "timings/predicted_per_token_ms",
        "truncated",
        "tokens_cached",
    ],
    "model": "codling",
}
"What llama.vim sends (its autoload/llama.vim; `model` when its `model_fim` is set)."

LLAMA_VIM_RING = {
    "input_prefix": "",
    "input_suffix": "",
    "input_extra": LLAMA_VIM["input_extra"],
    "prompt": "",
    "n_predict": 0,
    "temperature": 0.0,
    "stream": False,
    "samplers": [],
    "cache_prompt": True,
    "t_max_prompt_ms": 1,
    "t_max_predict_ms": 1,
    "response_fields": [""],
}
"What it sends in the background, for the server to read other files beforehand."

LLAMA_VSCODE = {
    "input_prefix": "import fish\n",
    "input_suffix": ")\nprint(tank)\n",
    "input_extra": [{"text": "class Tank: ...\n", "time": 1_700_000_000_000, "filename": "tank.py"}],
    "prompt": "    feed(tank.",
    "n_predict": 128,
    "top_k": 40,
    "top_p": 0.99,
    "stream": False,
    "samplers": ["top_k", "top_p", "infill"],
    "cache_prompt": True,
    "n_indent": 4,
    "t_max_prompt_ms": 500,
    "t_max_predict_ms": 1000,
    "lora": [{"id": 0, "scale": 0.5}],
}
"What llama.vscode sends (its src/llama-server.ts)."

CONTINUE = {
    "model": "codling",
    "max_tokens": 2048,
    "temperature": 0.01,
    "stream": True,
    "stop": [
        *("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>", "<|endoftext|>", "</fim_middle>", "</code>"),
        *("\n\n", "\r\n\r\n", "/src/", "#- coding: utf-8", "```"),
    ],
    "prompt": "<fim_prefix># Path: pond.py\n# class Pond: ...\nfeed(tank.<fim_suffix>)\nprint(tank)<fim_middle>",
}
"What Continue sends as `provider: openai` for autocompletion (its core/llm/llms/OpenAI.ts and core/autocomplete)."


def test_llama_vim_gets_what_it_reads(serving: Serving) -> None:
    answer = httpx.post(f"{serving.url}infill", json=LLAMA_VIM).json()
    assert answer["content"] == LINE
    assert answer["truncated"] is False
    assert {f"timings/{name}" for name in _TIMINGS} <= set(answer)
    assert set(answer) <= set(LLAMA_VIM["response_fields"])  # type: ignore[arg-type]
    warm_up = httpx.post(f"{serving.url}infill", json=LLAMA_VIM_RING)
    assert warm_up.status_code == 200
    assert warm_up.json() == {}


def test_llama_vscode_gets_what_it_reads(serving: Serving) -> None:
    answer = httpx.post(f"{serving.url}infill", json=LLAMA_VSCODE).json()
    assert answer["content"] == LINE
    assert set(_TIMINGS) <= set(answer["timings"])
    assert {"tokens_cached", "truncated", "generation_settings"} <= set(answer)
    left_out = ("n_indent", "top_k", "top_p", "stream")
    ahead = {key: value for key, value in LLAMA_VSCODE.items() if key not in left_out}
    ahead |= {
        "input_prefix": "",
        "input_suffix": "",
        "prompt": "",
        "n_predict": 0,
        "samplers": [],
        "t_max_predict_ms": 1,
    }
    assert httpx.post(f"{serving.url}infill", json=ahead).json()["content"] == ""


def test_continue_gets_what_it_reads(serving: Serving) -> None:
    headers = {"authorization": "Bearer none", "api-key": "none"}
    text = ""
    with httpx.stream("POST", f"{serving.url}v1/completions", json=CONTINUE, headers=headers) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                text += json.loads(line.removeprefix("data: "))["choices"][0]["text"]
    assert text == LINE
    assert httpx.get(f"{serving.url}v1/models", headers=headers).json()["data"][0]["id"] == "chain"


def test_infill_streams_and_stops(serving: Serving) -> None:
    message = LLAMA_VIM | {"stream": True, "stop": ["("]}
    with httpx.stream("POST", f"{serving.url}infill", json=message) as answer:
        (line,) = [line for line in answer.iter_lines() if line]
    assert json.loads(line.removeprefix("data: "))["content"] == "mode"


def test_a_token_is_asked_for_as_openais_clients_send_it(chain: Path, make_client: Callable[..., object]) -> None:
    client = make_client(token="fish")
    body = {"model": "chain", "prompt": "x."}
    assert client("POST", "/v1/completions", json=body).status_code == 401  # type: ignore[operator]
    headers = {"authorization": "Bearer fish"}
    assert client("POST", "/v1/completions", json=body, headers=headers).status_code == 200  # type: ignore[operator]


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
INTEGER = {"type": "integer"}


def _operation(properties: dict[str, object], required: list[str]) -> dict[str, object]:
    schema = {"type": "object", "properties": properties, "required": required}
    content = {"application/json": {"schema": schema}}
    return {"post": {"requestBody": {"required": True, "content": content}, "responses": {"200": {"description": ""}}}}


SCHEMA = {
    "openapi": "3.0.0",
    "info": {"title": "codling", "version": "1"},
    "paths": {
        "/v1/completions": _operation(
            {
                "model": {"enum": ["chain", "", "nobody"]},
                "prompt": {"anyOf": [TEXT, {"type": "array", "items": TEXT}, {"type": "array", "items": INTEGER}]},
                "suffix": TEXT | {"nullable": True},
                "max_tokens": {"type": "integer", "maximum": 40},
                "temperature": NUMBER,
                "top_p": NUMBER,
                "n": {"type": "integer", "maximum": 3},
                "stop": {"anyOf": [TEXT, {"type": "array", "items": TEXT}]},
                "seed": INTEGER,
                "stream": {"type": "boolean"},
                "logprobs": {"type": "integer", "maximum": 6},
                "echo": {"type": "boolean"},
                "language": TEXT,
                "path": TEXT,
            },
            ["prompt"],
        ),
        "/infill": _operation(
            {
                "input_prefix": TEXT,
                "input_suffix": TEXT,
                "prompt": TEXT,
                "input_extra": {"type": "array", "items": {"type": "object", "properties": {"text": TEXT}}},
                "n_predict": {"type": "integer", "maximum": 40},
                "stop": {"type": "array", "items": TEXT},
                "stream": {"type": "boolean"},
                "t_max_predict_ms": NUMBER,
            },
            [],
        ),
        "/api/feedback": _operation(
            {"language": TEXT, "score": NUMBER, "shown": INTEGER, "accepted": INTEGER, "chars": INTEGER}, ["language"]
        ),
    },
}


schema = schemathesis.openapi.from_dict(SCHEMA)


@pytest.mark.parametrize("path", SCHEMA["paths"])
def test_whatever_comes_nothing_breaks(path: str, serving: Serving) -> None:
    """Good messages and bad ones, as schemathesis makes them up."""
    operation = schema[path]["POST"]
    cases = st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=serving.url.rstrip("/"), checks=[not_a_server_error])

    check()


def test_what_clients_say_is_counted(
    make_client: Callable[..., object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path))
    client = make_client()
    said = {"language": "python", "score": 0.4, "client": "page"}
    for counts in ({"shown": 1}, {"shown": 1}, {"accepted": 1, "chars": 12}):
        assert client("POST", "/api/feedback", json=said | counts).status_code == 200  # type: ignore[operator]
    assert client("POST", "/api/feedback", json=said | {"text": "secret"}).status_code == 400  # type: ignore[operator]
    assert Acceptance().counts() == []  # it is written now and then
