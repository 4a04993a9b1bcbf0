"""A `codling serve` that runs already, asked in place of models of our own."""

from __future__ import annotations

import http.client
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from codling.complete.context import MAX_PREFIX
from codling.errors import CancelledError, CodlingError, InputError
from codling.serve.messages import CompleteRequest, CompleteResponse, decode, encode
from codling.serve.running import Notice, authorization, find_notice

__all__ = ["GoneError", "Remote", "find"]

_ANSWER_S = 5.0  # for an answer; its own budget is two seconds
_MAX_ANSWER = 4 << 20  # bytes


class GoneError(CodlingError):
    """The server is not there any more, or answers what it should not."""


class Remote:
    """A server that has proved what it is. Safe to use from several threads, each with a connection of its own."""

    def __init__(self, notice: Notice) -> None:
        self.url = notice.url
        self._notice = notice
        self._local = threading.local()

    def complete(self, message: CompleteRequest) -> CompleteResponse:
        """Raises:
        GoneError: the server is gone.
        CancelledError: it gave the request up, or has too much to do.
        InputError: the text is no source code.
        """
        cut = max(0, (len(message.prefix) - MAX_PREFIX) // MAX_PREFIX * MAX_PREFIX)  # where the completer would cut
        session = (
            f"lsp {os.getpid()} {message.kind} {message.session}"  # ghost text and a list don't overtake each other
        )
        message = msgspec.structs.replace(message, prefix=message.prefix[cut:], session=session)
        status, body = self._post("/api/complete", encode(message))
        if status == 200:
            try:
                return decode(body, CompleteResponse)
            except InputError as error:
                raise GoneError(str(error)) from None
        if status in (409, 429, 503):
            raise CancelledError("the server gave it up")
        if status == 400:
            raise InputError("the text is not understood; send source code")
        raise GoneError(f"{self.url} answers {status}")

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """One request; a connection that the server closed while it was idle is opened again."""
        headers = {"content-type": "application/json", **authorization(self._notice)}
        for is_last in (False, True):
            connection = getattr(self._local, "connection", None)
            is_new = connection is None
            if connection is None:
                connection = http.client.HTTPConnection(self._notice.host, self._notice.port, timeout=_ANSWER_S)
                self._local.connection = connection
            try:
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read(_MAX_ANSWER)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                if is_last or is_new:
                    raise GoneError(f"{self.url} does not answer ({error})") from None
        raise AssertionError


def find(folders: Sequence[Path], model: str | None) -> Remote | None:
    """A server that answers as models of our own would: see `codling.serve.running.find_notice`."""
    notice = find_notice(folders, model)
    return Remote(notice) if notice else None
