"""The wire format of OpenAI's completions, as far as it means something here, and of llama.cpp's /infill.

Unlike codling's own messages, these leave out what they do not know: every client sends other fields. What is known and
cannot be done is refused with a line that says so.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from codling.errors import InputError
from codling.serve.messages import Text

__all__ = ["CompletionRequest", "InfillRequest", "split_template"]

MAX_TOKENS = 4_096  # of one answer; more than a file has
MAX_CHOICES = 16

Stop = Annotated[str, Meta(min_length=1, max_length=1_000)]
Probability = Annotated[float, Meta(gt=0, le=1)]
Name = Annotated[str, Meta(max_length=200)]


class StreamOptions(Struct, frozen=True, kw_only=True):
    include_usage: bool | None = None


class CompletionRequest(Struct, frozen=True, kw_only=True):
    """POST /v1/completions."""

    model: Name = ""
    'A name of /v1/models; empty or "codling" for the server\'s default.'
    prompt: Text | Annotated[list[Any], Meta(max_length=MAX_CHOICES)]
    suffix: Text | None = None
    max_tokens: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    best_of: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    stop: Stop | Annotated[list[Stop], Meta(max_length=16)] | None = None
    seed: Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    echo: bool | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    language: Annotated[str, Meta(max_length=50)] | None = None
    "Ours: what the text is written in; else the path says it, or it is the model's first."
    path: Annotated[str, Meta(max_length=4_096)] | None = None
    "Ours: where the text comes from. Nothing is read from it."

    @property
    def stops(self) -> tuple[str, ...]:
        return () if self.stop is None else (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def prompts(self) -> list[tuple[str, str | None]]:
        """What stands before and behind each cursor; None behind it for a text to be continued.

        Raises:
            InputError: a prompt is no text, or something is asked for that cannot be done.
        """
        for name, is_asked in (
            ("best_of above n", (self.best_of or 1) > (self.n or 1)),
            ("presence_penalty", bool(self.presence_penalty)),
            ("frequency_penalty", bool(self.frequency_penalty)),
            ("logit_bias", bool(self.logit_bias)),
            ("echo with logprobs", bool(self.echo) and self.logprobs is not None),
            ("logprobs with stream", bool(self.stream) and self.logprobs is not None),
        ):
            if is_asked:
                raise InputError(f"{name} is not supported; leave it out")
        prompts = [self.prompt] if isinstance(self.prompt, str) else self.prompt
        if not prompts or not all(isinstance(each, str) for each in prompts):
            raise InputError("prompt must be a text or a list of texts; tokens are not understood")
        return [split_template(each) if self.suffix is None else (each, self.suffix) for each in prompts]


class ExtraText(Struct, frozen=True, kw_only=True):
    text: Text = ""
    filename: str | None = None


class InfillRequest(Struct, frozen=True, kw_only=True):
    """POST /infill. The cursor stands behind prefix and prompt, and before the suffix."""

    input_prefix: Text = ""
    input_suffix: Text = ""
    prompt: Text = ""
    "The cursor's line up to the cursor, where a client sends it apart."
    input_extra: Annotated[list[ExtraText], Meta(max_length=1_000)] = []
    "Pieces of other files, which are not read: the project cache knows the files themselves."
    n_predict: Annotated[int, Meta(ge=-2, le=1_000_000)] = -1
    stop: list[Stop] = []
    stream: bool = False
    t_max_predict_ms: Annotated[float, Meta(ge=0, le=3_600_000)] = 0
    "Time for the answer; 0 for the server's."
    response_fields: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=100)] = []
    "Fields to answer with, those within others as ``timings/prompt_n``; all without any."
    language: Annotated[str, Meta(max_length=50)] | None = None
    path: Annotated[str, Meta(max_length=4_096)] | None = None


# How clients write what stands before and behind the cursor into one prompt: StarCoder and StableCode; Qwen and
# CodeGemma; Code Llama; DeepSeek; Codestral, which has the suffix first.
_MARKS = (
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ("<PRE> ", " <SUF>", " <MID>"),
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
)


def split_template(prompt: str) -> tuple[str, str | None]:
    """What stands before and behind the cursor in a prompt that was written for another model; None behind it for a
    plain one.
    """
    for begin, hole, end in _MARKS:
        start = prompt.find(begin)
        middle = prompt.find(hole, start + 1)
        if start != -1 and middle != -1 and prompt.rstrip(" ").endswith(end.rstrip(" ")):
            stop = prompt.rindex(end.rstrip(" "))
            if stop >= middle + len(hole):
                return prompt[start + len(begin) : middle], prompt[middle + len(hole) : stop]
    if prompt.startswith("[SUFFIX]") and "[PREFIX]" in prompt:
        after, _, before = prompt.removeprefix("[SUFFIX]").partition("[PREFIX]")
        return before, after
    return prompt, None
