"""Runs the application: a socket of our own, so that a busy port is one clear line, and a shutdown without delay."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from codling.errors import InputError

__all__ = ["Address", "bind", "interrupt_at_eof", "new_token", "run"]

_GRACE_S = 2  # for answers under way when the server stops
_MAX_HEAD_BYTES = 65_536  # of a request; browsers and proxies have a few thousand


@dataclass(frozen=True)
class Address:
    """Where the server listens."""

    socket: socket.socket
    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Only this machine can reach it."""
        return ipaddress.ip_address(self.socket.getsockname()[0]).is_loopback

    @property
    def url(self) -> str:
        """As a person on this machine would open it."""
        address = ipaddress.ip_address(self.socket.getsockname()[0])
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(str(address), self.host)
        return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{self.port}/"


def bind(host: str, port: int) -> Address:
    """Listen on a host and port; 0 for a port takes a free one.

    Raises:
        InputError: the port is taken or not allowed, or the host is none of this machine's.
    """
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        if sys.platform == "win32":  # there, SO_REUSEADDR would share the port with whoever has it
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except (OSError, OverflowError, UnicodeError) as error:
        if listener is not None:
            listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"cannot listen on {host}:{port} ({reason}); choose another with --port, or --port 0"
        ) from None
    return Address(listener, host, listener.getsockname()[1])


def new_token() -> str:
    return secrets.token_urlsafe(24)


def run(app: Starlette, address: Address, on_ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        on_ready: called when requests are answered.
    """
    config = uvicorn.Config(
        app,
        http=_Bounded,
        log_config=None,  # uvicorn's own asks stdout for its colours, which a service need not have
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=30,
    )
    server = _Server(config, app, on_ready)
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(address.socket), _outliving_sigterm():
        server.run([address.socket])


@contextlib.contextmanager
def _outliving_sigterm() -> Iterator[None]:
    """uvicorn ends orderly at SIGTERM and then raises it again, which would spare the caller its own cleaning up."""
    if threading.current_thread() is not threading.main_thread():  # others hear of no signals
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def interrupt_at_eof() -> None:
    """Have Ctrl-C pressed when stdin ends, as it does when the process that holds its other end is gone."""

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            while sys.stdin is not None and sys.stdin.buffer.read(4096):
                pass
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=wait, name="until-eof", daemon=True).start()


class _Bounded(HttpToolsProtocol):
    """Refuses heads of requests that do not end: the parser would keep them, and take ever longer for each byte."""

    _num_waiting = 0  # bytes that have led to nothing yet

    def data_received(self, data: bytes) -> None:
        self._num_waiting += len(data)
        super().data_received(data)
        if self._num_waiting > _MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        self._num_waiting = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._num_waiting = 0
        super().on_body(body)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: Starlette, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.desk.close()  # first of all, so that streams end by themselves
        await super().shutdown(sockets)
