"""Keeps strangers out: other people on the network, and other people's web pages in the user's own browser.

A server on 127.0.0.1 is within reach of every page that the user opens. So a request must name this machine as its
host, by an address or by the name that the server was told to listen on (a page that points its own domain here, by DNS
rebinding, does not), and one that a browser sends for another site is refused by its Origin or Sec-Fetch-Site header. A
server that others on the network can reach asks for a token as well.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from codling.serve.messages import ErrorMessage, encode

__all__ = ["Guard", "error_response"]

COOKIE = "codling_token"
_OPEN_PATHS = frozenset({"/healthz"})  # says nothing but that the server lives

_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
"On every answer that does not say otherwise."


def error_response(status: int, error: str, headers: dict[str, str] | None = None) -> Response:
    """An error as every endpoint gives it: one line, as JSON."""
    return Response(encode(ErrorMessage(" ".join(error.split()))), status, headers, media_type="application/json")


class Guard:
    """Middleware that turns requests away at the door, and puts security headers on every answer."""

    def __init__(self, app: ASGIApp, token: str | None, loopback: bool, host: str = "localhost") -> None:
        """Args:
        token: what a request must show; None when none is asked for.
        loopback: only this machine reaches the server, so that the names of the host are known.
        host: the name that it listens on.
        """
        self.app = app
        self.token = token
        self.loopback = loopback
        self._names = {"localhost", host.lower()}
        # The cookie goes to every port of its host: it holds no token, and two servers' have two names.
        self._cookie_value = hmac.new((token or "").encode(), b"codling page", hashlib.sha256).hexdigest()
        self._cookie = f"{COOKIE}_{self._cookie_value[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.loopback and not self._is_our_name(_host_name(host)):
            return error_response(403, "this server answers to 127.0.0.1 and localhost only; check the Host header")
        if _is_foreign(scope, headers, host):
            return error_response(403, "this server does not answer to pages of other sites")
        if self.token is None or scope["path"] in _OPEN_PATHS:
            return None
        return self._without_token(scope, headers)

    def _is_our_name(self, name: str) -> bool:
        try:
            return name in self._names or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        assert self.token is not None
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(credentials.strip().encode("latin-1"), self.token):
            return None
        cookies = cookie_parser(headers.get("cookie", ""))  # which takes what other servers here have set as it comes
        if _same(cookies.get(self._cookie, "").encode(), self._cookie_value):
            return None
        shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and scope["method"] == "GET" and _same(shown.encode("utf-8", "replace"), self.token):
            # The token goes from the address into a cookie, so that it stays out of the history and of bookmarks.
            response = RedirectResponse("/", 303)
            response.set_cookie(self._cookie, self._cookie_value, httponly=True, samesite="strict")
            return response
        hint = "send it as 'Authorization: Bearer TOKEN', or open the address that `codling serve` printed"
        return error_response(401, f"this server asks for a token; {hint}", {"www-authenticate": "Bearer"})


def _is_foreign(scope: Scope, headers: Headers, host: str) -> bool:
    """Did a browser send this on behalf of another site?"""
    origin = headers.get("origin")
    if origin is not None and _netloc(origin) != host.lower():
        return True
    site = headers.get("sec-fetch-site", "none")
    if site in ("none", "same-origin"):
        return False
    # A link from elsewhere may open the page; nothing else may be fetched from elsewhere.
    return not (scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate")


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same(given: bytes, expected: str) -> bool:
    return hmac.compare_digest(given, expected.encode())
