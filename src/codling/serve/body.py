"""Reads a request's body, within limits of size and time, as the message that it must be."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from codling.serve.messages import MAX_BODY_BYTES, decode

__all__ = ["read_message"]

M = TypeVar("M")

_TIMEOUT_S = 15  # for a client to send its request
_DRAIN_BYTES = 32 << 20  # of a body that is too large, read and dropped, so that its sender gets to see the answer


async def read_message(request: Request, message: type[M]) -> M:
    """Raises:
    HTTPException: 415, 413 or 408.
    InputError: the body is not this message.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":  # a form on a hostile page can send the others
        raise HTTPException(415, "send JSON, with 'Content-Type: application/json'")
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            body = await _read(request)
    except TimeoutError:
        raise HTTPException(408, f"the request took more than {_TIMEOUT_S} s to arrive") from None
    return decode(body, message)


async def _read(request: Request) -> bytes:
    body, num_bytes = bytearray(), 0
    async for chunk in request.stream():
        num_bytes += len(chunk)
        if num_bytes <= MAX_BODY_BYTES:
            body += chunk
        elif num_bytes > _DRAIN_BYTES:
            break
    if num_bytes > MAX_BODY_BYTES:
        raise HTTPException(413, f"the request is larger than {MAX_BODY_BYTES:,} bytes; send less of the file")
    return bytes(body)
