"""What goes over the wire about learned programs."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from codling.serve.messages import Name

__all__ = [
    "ProgramRunRequest",
    "ProgramRunResponse",
    "ProgramTaskMessage",
    "ProgramsResponse",
    "ProofMessage",
]


class ProofMessage(Struct, frozen=True, kw_only=True):
    """What the certificate of a learned program says."""

    sizes: str
    "Of the inputs that it speaks of."
    frames: int
    decisions: int
    "In the frames; each was examined."
    margin_nats: float
    "By which the closest of them is right."
    assumes: list[str]


class ProgramTaskMessage(Struct, frozen=True, kw_only=True):
    """One task that a bundle has learned."""

    name: str
    summary: str
    usage: str
    "The words of a problem, in words."
    example: list[str]
    proof: ProofMessage | None


class ProgramsResponse(Struct, frozen=True, kw_only=True):
    model: str | None
    "None where there is no bundle of learned programs."
    reason: str
    "Why there are no tasks; empty when there are."
    tasks: list[ProgramTaskMessage]


class ProgramRunRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A problem that a learned program is to be watched with."""

    task: Name
    words: Annotated[list[Annotated[str, Meta(max_length=1_000)]], Meta(max_length=500)]
    "The problem, as on the command line."
    max_steps: Annotated[int, Meta(ge=1, le=5_000)] = 5_000
    "About a millisecond and 400 bytes each."
    session: Name | None = None


class ProgramRunResponse(Struct, frozen=True, kw_only=True):
    trace: dict[str, Any]
    "The run, as docs/npi-trace.md describes it."
    proof: ProofMessage | None
    ms: float
