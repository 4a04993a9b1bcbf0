"""OpenAI's completions and llama.cpp's /infill, so that existing plug-ins and clients work by pointing them here.

A prompt alone is continued with text drawn from the model. With something behind the cursor, the answer is what an
editor would be shown: suggestions that fit in between, and do not repeat what is there.
"""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from codling.complete import Completer
from codling.complete.continuing import num_tokens, token_scores
from codling.engine.sampling import SamplingConfig
from codling.errors import BusyError, CodlingError
from codling.serve.body import read_message
from codling.serve.desk import AbandonedError, Cancelled, Desk
from codling.serve.events import event_stream, until_gone
from codling.serve.messages import CompleteRequest, encode
from codling.serve.models import Shelf, UnknownModelError, answer
from codling.serve.openai_messages import MAX_TOKENS, CompletionRequest, InfillRequest

__all__ = ["OpenAiApi"]

_DEFAULT_TOKENS = 16  # OpenAI's own
_MAX_CHARS_PER_TOKEN = 64
_OURS = frozenset({"", "codling", "default"})  # names that mean the server's default model

Handler = Callable[["OpenAiApi", Request], Coroutine[Any, Any, Response]]


def _in_openais_shape(handler: Handler) -> Handler:
    """Errors as OpenAI's clients read them."""

    @functools.wraps(handler)
    async def guarded(self: OpenAiApi, request: Request) -> Response:
        try:
            return await handler(self, request)
        except HTTPException as error:
            return _error(error.status_code, error.detail)
        except UnknownModelError as error:
            return _error(404, str(error), code="model_not_found")
        except BusyError as error:
            return _error(429, str(error), kind="rate_limit_error")
        except AbandonedError as error:
            status = {"superseded": 409, "disconnected": 499}.get(error.reason, 503)
            return _error(status, str(error), kind="server_error")
        except CodlingError as error:
            return _error(400, str(error))

    return guarded


@dataclass(frozen=True, slots=True)
class _Text:
    """One text that a model wrote."""

    text: str
    ended: bool
    "By itself, and not because it became too long."


class _Drawing:
    """One text while a model writes it."""

    def __init__(self, pieces: Generator[str, None, bool]) -> None:
        self._pieces = pieces
        self.ended = False
        "As of a text; known when all pieces have come."

    def __iter__(self) -> Iterator[str]:
        self.ended = yield from self._pieces

    def whole(self) -> _Text:
        text = "".join(self)
        return _Text(text, self.ended)


@dataclass(frozen=True, kw_only=True)
class OpenAiApi:
    shelf: Shelf
    desk: Desk
    budget_ms: float

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/v1/completions", self.completions, methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/v1/models/{name:path}", self.model),
            Route("/infill", self.infill, methods=["POST"]),
        ]

    @_in_openais_shape
    async def completions(self, request: Request) -> Response:
        message = await read_message(request, CompletionRequest)
        prompts = message.prompts
        model = self._model(message.model, message.language)
        head = {"id": f"cmpl-{secrets.token_hex(12)}", "object": "text_completion", "created": int(time.time())}
        head |= {"model": model}
        if message.stream:
            work = functools.partial(self._stream, message, prompts, model, head)
            return await event_stream(request, self.desk, work, None)
        return await self._answer(request, lambda cancelled: self._whole(message, prompts, model, head, cancelled))

    @_in_openais_shape
    async def models(self, _: Request) -> Response:
        return _json({"object": "list", "data": [_row(row.name) for row in self.shelf.list().models]})

    @_in_openais_shape
    async def model(self, request: Request) -> Response:
        return _json(_row(self.shelf.check(request.path_params["name"])))

    @_in_openais_shape
    async def infill(self, request: Request) -> Response:
        message = await read_message(request, InfillRequest)
        model = self._model("", message.language)

        def work(cancelled: Cancelled) -> dict[str, Any]:
            started = time.perf_counter()
            completer = self.shelf.completer(model)
            before = message.input_prefix + message.prompt
            limit = message.n_predict if message.n_predict >= 0 else MAX_TOKENS
            budget_ms = min(message.t_max_predict_ms or self.budget_ms, self.budget_ms)
            found = [_Text("", True)]
            if limit:  # some clients ask for nothing, to have the text read beforehand
                between = _between(before, message.input_suffix, message.language, message.path, message.stop)
                found = self._between(completer, between, limit, tuple(message.stop), budget_ms, cancelled)
            text = found[0] if found else _Text("", True)
            answer = _infilled(completer, model, before, text, (time.perf_counter() - started) * 1_000)
            return _picked(answer, message.response_fields) if message.response_fields else answer

        if message.stream:

            def stream(cancelled: Cancelled) -> Iterator[bytes]:
                yield _data(work(cancelled))

            return await event_stream(request, self.desk, stream, None)
        return await self._answer(request, work)

    async def _answer(self, request: Request, work: Callable[[Cancelled], dict[str, Any]]) -> Response:
        ticket = self.desk.take_ticket()
        try:
            async with until_gone(request, ticket):
                return _json(await self.desk.run(work, ticket))
        finally:
            self.desk.give_back(ticket)

    def _model(self, name: str, language: str | None) -> str:
        return self.shelf.check(None if name in _OURS else name, language)

    def _whole(
        self,
        message: CompletionRequest,
        prompts: list[tuple[str, str | None]],
        model: str,
        head: dict[str, Any],
        cancelled: Cancelled,
    ) -> dict[str, Any]:
        completer = self.shelf.completer(model)
        choices: list[dict[str, Any]] = []
        written = read = 0
        for before, after in prompts:
            read += num_tokens(completer, before) + (num_tokens(completer, after) if after else 0)
            for drawing in self._drawings(completer, message, before, after, cancelled):
                text = drawing.whole()
                written += num_tokens(completer, text.text)
                scores = None
                if message.logprobs is not None:
                    scores = _log_probs(completer, before, text.text, message.logprobs, cancelled)
                shown = before + text.text if message.echo else text.text
                choices.append(_choice(len(choices), shown, "stop" if text.ended else "length", scores))
        return head | {"choices": choices, "usage": _usage(read, written)}

    def _stream(
        self,
        message: CompletionRequest,
        prompts: list[tuple[str, str | None]],
        model: str,
        head: dict[str, Any],
        cancelled: Cancelled,
    ) -> Iterator[bytes]:
        completer = self.shelf.completer(model)
        index = written = read = 0
        for before, after in prompts:
            read += num_tokens(completer, before) + (num_tokens(completer, after) if after else 0)
            for drawing in self._drawings(completer, message, before, after, cancelled):
                if message.echo:
                    yield _data(head | {"choices": [_choice(index, before, None)]})
                text = ""
                for piece in drawing:
                    text += piece
                    yield _data(head | {"choices": [_choice(index, piece, None)]})
                written += num_tokens(completer, text)
                yield _data(head | {"choices": [_choice(index, "", "stop" if drawing.ended else "length")]})
                index += 1
        if message.stream_options is not None and message.stream_options.include_usage:
            yield _data(head | {"choices": [], "usage": _usage(read, written)})
        yield b"data: [DONE]\n\n"

    def _drawings(
        self, completer: Completer, message: CompletionRequest, before: str, after: str | None, cancelled: Cancelled
    ) -> Iterator[_Drawing]:
        """As many texts as are asked for; fewer between two texts, where there are no more that are worth it."""
        limit, num = _limit(message), message.n or 1
        if after is None or limit == 0:
            for number in range(num):
                yield _Drawing(self._drawn(completer, message, before, number, cancelled))
            return
        between = _between(before, after, message.language, message.path, message.stops, num)
        found = self._between(completer, between, limit, message.stops, self.budget_ms, cancelled)
        for text in found or [_Text("", True)]:
            yield _Drawing(_at_once(text))

    def _drawn(
        self, completer: Completer, message: CompletionRequest, before: str, number: int, cancelled: Cancelled
    ) -> Generator[str, None, bool]:
        limit = _limit(message)
        seed = None if message.seed is None else (message.seed + number) % (1 << 63)
        config = SamplingConfig(
            temperature=1.0 if message.temperature is None else message.temperature,
            top_p=message.top_p or 1.0,
            max_tokens=limit,
            max_chars=limit * _MAX_CHARS_PER_TOKEN,
            stop=message.stops,
            seed=seed,
        )
        return completer.sample(before, config, cancelled=cancelled)

    def _between(
        self,
        completer: Completer,
        message: CompleteRequest,
        limit: int,
        stops: tuple[str, ...],
        budget_ms: float,
        cancelled: Cancelled,
    ) -> list[_Text]:
        """Suggestions, cut to a number of tokens and before the first of some texts."""
        found = answer(completer, message, budget_ms=budget_ms, cancelled=cancelled)
        vocab, texts = completer.model.vocab, []
        for suggestion in found.suggestions:
            text = suggestion.text
            text = text[: min((at for stop in stops if (at := text.find(stop)) != -1), default=len(text))]
            tokens = vocab.encode(text)
            ended = len(tokens) <= limit
            texts.append(_Text(text if ended else vocab.decode(tokens[:limit]), ended))
        return texts


def _at_once(text: _Text) -> Generator[str, None, bool]:
    yield text.text
    return text.ended


def _between(
    before: str, after: str, language: str | None, path: str | None, stops: tuple[str, ...] | list[str], num: int = 1
) -> CompleteRequest:
    """The question that an editor would ask."""
    return CompleteRequest(
        language=language or "",
        prefix=before,
        suffix=after,
        path=path,
        kind="line" if "\n" in stops else "block",
        limit=num,
    )


def _limit(message: CompletionRequest) -> int:
    return min(MAX_TOKENS, _DEFAULT_TOKENS if message.max_tokens is None else message.max_tokens)


def _choice(index: int, text: str, reason: str | None, scores: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": scores, "finish_reason": reason}


def _usage(read: int, written: int) -> dict[str, int]:
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _log_probs(completer: Completer, before: str, text: str, num_top: int, cancelled: Cancelled) -> dict[str, Any]:
    scores = token_scores(completer, before, text, num_top, cancelled)
    return {
        "tokens": [score.text for score in scores],
        "token_logprobs": [score.log_prob for score in scores],
        "top_logprobs": [score.top for score in scores] if num_top else None,
        "text_offset": [len(before) + score.offset for score in scores],
    }


def _infilled(completer: Completer, model: str, before: str, text: _Text, ms: float) -> dict[str, Any]:
    """As llama.cpp's server answers; what cannot be told apart here counts as prediction."""
    read, written = num_tokens(completer, before), num_tokens(completer, text.text)
    return {
        "content": text.text,
        "stop": True,
        "stop_type": "eos" if text.ended else "limit",
        "stopping_word": "",
        "model": model,
        "index": 0,
        "tokens_predicted": written,
        "tokens_evaluated": read,
        "tokens_cached": 0,
        "truncated": False,
        "generation_settings": {},
        "timings": {
            "prompt_n": read,
            "prompt_ms": 0.0,
            "prompt_per_token_ms": 0.0,
            "prompt_per_second": 0.0,
            "predicted_n": written,
            "predicted_ms": ms,
            "predicted_per_token_ms": ms / max(1, written),
            "predicted_per_second": 1_000 * written / ms,
        },
    }


def _picked(answer: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """The fields that a client wants to hear, each under its whole name, as llama.cpp's server gives them."""
    picked: dict[str, Any] = {}
    for field in fields:
        value: Any = answer
        for key in field.split("/"):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            picked[field] = value
    return picked


def _row(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "codling"}


def _error(status: int, words: str, *, kind: str = "invalid_request_error", code: str | None = None) -> Response:
    body = {"error": {"message": " ".join(words.split()), "type": kind, "param": None, "code": code}}
    headers = {"retry-after": "1"} if status in (429, 503) else None
    return Response(encode(body), status, headers, media_type="application/json")


def _data(message: object) -> bytes:
    return b"data: %s\n\n" % encode(message)


def _json(message: object) -> Response:
    return Response(encode(message), media_type="application/json")
