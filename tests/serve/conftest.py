"""An application with small real models, called in the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from chain_bundle import chain_bundle
from codling.serve.http import make_app
from codling.serve.models import Shelf
from codling.serve.page import Page

URL = "http://127.0.0.1:8642"


class Client:
    """Asks an application, one request after another, as a program on the same machine would."""

    def __init__(self, app: Starlette) -> None:
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=URL)

    def __call__(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **arguments))

    def complete(self, **message: Any) -> httpx.Response:
        return self("POST", "/api/complete", json={"language": "python", "prefix": ""} | message)

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that writes LINE after every full stop."""
    return chain_bundle(tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="session")
def built_page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """What a built page consists of, in small: the server's part does not need the real one."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text('<meta name="csp-nonce" content="__CSP_NONCE__"><p>🐟', encoding="utf-8")
    (folder / "assets" / "index-abc.js").write_text("export {}", encoding="utf-8")
    return Page(folder)


@pytest.fixture
def make_client(chain: Path, tiny: Path, built_page: Page) -> Iterator[Callable[..., Client]]:
    """Makes clients of applications with the given options."""
    clients: list[Client] = []

    def make(**options: Any) -> Client:
        shelf = options.pop("shelf", None) or Shelf([str(chain), str(tiny)])
        clients.append(Client(make_app(shelf, page=built_page, **options)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()
