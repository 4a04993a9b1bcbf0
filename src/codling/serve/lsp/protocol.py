"""pygls's protocol, made safe against what comes from outside, and with our own texts in place of its.

pygls answers nothing at all to a request whose parameters it cannot read, shows the user a window for a notification
of that kind, reads files that no editor has opened, counts U+2028 as a line's end, and keeps a future of every
notification, so of every keystroke, for good. Here every request that has an id gets an answer, an error with one line
if need be, what is done is forgotten, and nothing that a client sends ends the process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcServerNotInitialized,
)
from pygls.lsp.server import LanguageServer
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCRequestMessage,
    LanguageServerProtocol,
    default_converter,
    lsp_method,
)

from codling.errors import CodlingError
from codling.serve.lsp.documents import Documents

__all__ = ["Protocol", "Server", "converter"]

_log = logging.getLogger("codling")

_MAX_WORDS = 500  # characters of an error's line


class _Refused:
    """A message that cannot be read."""

    def __init__(self, message_id: object, error: JsonRpcException) -> None:
        self.id, self.error = message_id, error


class Server(LanguageServer):
    """A server that keeps to itself what goes wrong in it."""

    def report_server_error(self, error: Exception, _: object) -> None:
        _log.error("%s", error, exc_info=error)


class Protocol(LanguageServerProtocol):
    """One client's connection."""

    def __init__(self, server: LanguageServer, with_converter: Converter) -> None:
        self.documents = Documents()
        self.on_exit: Callable[[int], None] = lambda _: None
        "Called with the exit code when the client says exit."
        self._is_initialized = False
        super().__init__(server, with_converter)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Make an object of a message, or say why it cannot be one. Called for every object within a message, too."""
        if "jsonrpc" not in data:
            return data
        if "method" in data and data["method"] not in types.METHOD_TO_TYPES:
            data.setdefault("params", None)  # ours; the protocol lets a client leave it out
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            cause = error.__cause__ or error
            words = " ".join(str(each) for each in getattr(cause, "exceptions", [cause]))
            return _Refused(data.get("id"), JsonRpcInvalidParams(_line(f"the parameters are not understood: {words}")))

    def handle_message(self, message: Any) -> None:
        if isinstance(message, _Refused):
            self._refuse(message.id, message.error)
            return
        if not hasattr(message, "jsonrpc"):  # a batch, a number, an object of another kind
            self._refuse(None, JsonRpcInvalidRequest("this is no message of JSON-RPC 2.0"))
            return
        method, message_id = getattr(message, "method", None), getattr(message, "id", None)
        if method == types.INITIALIZE and self._is_initialized:
            self._refuse(message_id, JsonRpcInvalidRequest("initialize comes once"))
            return
        if method is not None and not self._is_initialized and method not in (types.INITIALIZE, types.EXIT):
            self._refuse(message_id, JsonRpcServerNotInitialized("send initialize first"))
            return
        if self._shutdown and method != types.EXIT and message_id is not None and method is not None:
            self._refuse(message_id, JsonRpcInvalidRequest("the server shuts down"))
            return
        super().handle_message(message)

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Any:
        self._is_initialized = True
        return (yield from super().lsp_initialize(params))

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Any:
        self.documents.open(params.text_document)
        yield from self._tell(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Any:
        document = self.documents.known(params.text_document.uri)
        if document is not None:
            document.change(params.content_changes, params.text_document.version)
            yield from self._tell(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Any:
        self.documents.close(params.text_document.uri)
        yield from self._tell(types.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: object) -> Any:
        self.on_exit(0 if self._shutdown else 1)
        yield from ()

    def _tell(self, method: str, params: object) -> Any:
        handler = self.fm.features.get(method)
        if handler is not None:
            yield handler, (params,), None

    @property
    def num_pending(self) -> int:
        """Messages of the client whose handlers have not come to their end, and requests of ours without an answer."""
        return len(self._request_futures)

    def _execute_handler(self, msg_id: str | int, *rest: Any, **named: Any) -> None:
        super()._execute_handler(msg_id, *rest, **named)
        future = self._request_futures.get(msg_id)
        if future is not None:
            future.add_done_callback(lambda done: self._forget(msg_id, done))

    def _forget(self, msg_id: str | int, done: object) -> None:
        if self._request_futures.get(msg_id) is done:  # a client may have used the id again
            del self._request_futures[msg_id]

    def _refuse(self, message_id: object, error: JsonRpcException) -> None:
        _log.debug("refused: %s", error)
        if isinstance(message_id, str | int):
            self._send_response(message_id, error=error.to_response_error())

    def _send_handler_result(self, future: Any, *, msg_id: str | int) -> None:
        """Answer a request; a user's mistake is an error of the request, never one of ours."""
        failure = None if future.cancelled() else future.exception()
        if failure is None:
            super()._send_handler_result(future, msg_id=msg_id)
            return
        self._request_futures.pop(msg_id, None)
        if isinstance(failure, CodlingError):
            failure = JsonRpcInvalidParams(_line(str(failure)))
        elif not isinstance(failure, JsonRpcException):
            _log.error("request %s failed", msg_id, exc_info=failure)
            failure = JsonRpcInternalError("something in codling broke; its log says more")
        self._send_response(msg_id, error=failure.to_response_error())


def converter() -> Converter:
    """As pygls's, but parameters of methods that the protocol does not know stay as JSON has them."""
    made: Converter = default_converter()  # type: ignore[no-untyped-call]
    for each in (JsonRPCRequestMessage, JsonRPCNotification):
        made.register_structure_hook(each, _as_it_is)
    return made


def _as_it_is(data: dict[str, Any], cls: type) -> Any:
    return cls(**{key: value for key, value in data.items() if key in ("id", "method", "jsonrpc", "params")})


def _line(text: str) -> str:
    return " ".join(text.split())[:_MAX_WORDS]
