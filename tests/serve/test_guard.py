"""Strangers: other sites in the user's browser, other hosts' names, and whoever has no token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

TOKEN = "s3cret-tøken"
BEARER = {"authorization": f"Bearer {TOKEN}".encode()}
LIST = ("GET", "/api/models")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8642", "localhost:8642", "localhost", "[::1]:8642", "LOCALHOST:9", "127.0.1.1:8642", "127.1.2.3"],
)
def test_this_machine_s_own_names_are_answered(client: Any, host: str) -> None:
    assert client(*LIST, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8642", "127.0.0.1.evil.example", "", "[", "10.0.0.1", "@"]
)
def test_another_host_s_name_is_dns_rebinding(client: Any, host: str) -> None:
    answer = client(*LIST, headers={"host": host})
    assert answer.status_code == 403
    assert "Host" in answer.json()["error"]


def test_the_name_that_it_listens_on_is_its_own(make_client: Callable[..., Any]) -> None:
    client = make_client(host="Laptop")
    assert client(*LIST, headers={"host": "laptop:8642"}).status_code == 200
    assert client(*LIST, headers={"host": "localhost:8642"}).status_code == 200
    assert client(*LIST, headers={"host": "laptop.evil.example:8642"}).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://[", "https://localhost"]
)
def test_another_site_s_page_is_refused(client: Any, origin: str) -> None:
    for method, path in (LIST, ("POST", "/api/complete"), ("GET", "/"), ("OPTIONS", "/api/complete")):
        answer = client(method, path, headers={"origin": origin})
        assert answer.status_code == 403
        assert not any(name.startswith("access-control") for name in answer.headers)


def test_our_own_page_is_answered(client: Any) -> None:
    headers = {"origin": "http://127.0.0.1:8642", "sec-fetch-site": "same-origin"}
    assert client(*LIST, headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_may_open_the_page_but_nothing_else_is_fetched_from_elsewhere(client: Any, site: str) -> None:
    assert client("GET", "/", headers={"sec-fetch-site": site, "sec-fetch-mode": "navigate"}).status_code == 200
    assert client("GET", "/", headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}).status_code == 403
    assert client(*LIST, headers={"sec-fetch-site": site, "sec-fetch-mode": "navigate"}).status_code == 403


def test_without_its_token_only_health_is_told(make_client: Callable[..., Any]) -> None:
    client = make_client(token=TOKEN, loopback=False)
    assert client("GET", "/healthz").status_code == 200
    for path in ("/", "/metrics", "/api/models", "/assets/index-abc.js", "/nothing"):
        answer = client("GET", path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "token" in answer.json()["error"]
    assert client.complete(prefix="x").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer "},
        {"authorization": TOKEN.encode()},
        {"authorization": f"Basic {TOKEN}".encode()},
        {"cookie": "codling_token=wrong"},
        {"cookie": 'codling_token="'},
        {"cookie": ";;;=\x01"},
    ],
)
def test_a_wrong_token_is_none(make_client: Callable[..., Any], headers: dict[str, Any]) -> None:
    assert make_client(token=TOKEN, loopback=False)(*LIST, headers=headers).status_code == 401


def test_the_right_token_opens_under_any_host_name(make_client: Callable[..., Any]) -> None:
    client = make_client(token="abc", loopback=False)
    headers = {"authorization": "bearer abc", "host": "gpu-box.local:8642"}
    assert client(*LIST, headers=headers).status_code == 200


def test_the_address_with_the_token_opens_the_page_once_and_leaves_a_cookie(make_client: Callable[..., Any]) -> None:
    client = make_client(token="abc", loopback=False)
    assert client("GET", "/?token=wrong").status_code == 401
    assert client("GET", "/api/models?token=abc").status_code == 401
    answer = client("GET", "/?token=abc")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "httponly" in cookie.lower() and "samesite=strict" in cookie.lower() and "abc" not in cookie
    ours = cookie.split(";")[0]
    assert client("GET", "/", headers={"cookie": ours}).status_code == 200
    for other in ("a[b]=1", 'theme={"a":1, "b":2}', "no value", "codling_token=old"):  # of other servers at this host
        assert client("GET", "/", headers={"cookie": f"{other}; {ours}; {other}"}).status_code == 200


def test_pages_of_two_servers_at_one_host_stay_open(make_client: Callable[..., Any]) -> None:
    cookies = {}
    clients = {token: make_client(token=token, loopback=False) for token in ("abc", "xyz")}
    for token, client in clients.items():
        name, _, value = client("GET", f"/?token={token}").headers["set-cookie"].split(";")[0].partition("=")
        cookies[name] = value  # a browser keeps one of a name, whatever the port
    held = "; ".join(f"{name}={value}" for name, value in cookies.items())
    for client in clients.values():
        assert client(*LIST, headers={"cookie": held}).status_code == 200


def test_a_token_may_have_any_letters(make_client: Callable[..., Any]) -> None:
    client = make_client(token=TOKEN, loopback=False)
    assert client(*LIST, headers=BEARER).status_code == 200
    assert client("GET", "/", params={"token": TOKEN}).status_code == 303


def test_every_answer_carries_the_security_headers(client: Any) -> None:
    for method, path in (("GET", "/"), LIST, ("GET", "/nothing"), ("DELETE", "/api/complete"), ("GET", "/healthz")):
        headers = client(method, path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"


def test_a_page_s_nonce_is_new_each_time_and_stands_in_it(client: Any) -> None:
    first, second = client("GET", "/"), client("GET", "/")
    assert first.text != second.text
    nonce = first.text.split('content="')[1].split('"')[0]
    assert f"'nonce-{nonce}'" in first.headers["content-security-policy"]
    assert "script-src 'self';" in first.headers["content-security-policy"]
