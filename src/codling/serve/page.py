"""The page, as it was built from web/: read once, served from memory."""

from __future__ import annotations

import mimetypes
import secrets
from pathlib import Path

from starlette.responses import PlainTextResponse, Response

__all__ = ["PAGE", "Page"]

PAGE = Path(__file__).parent / "page"
"Where the build puts it."

_NONCE = b"__CSP_NONCE__"
# CodeMirror writes a style element of its own, which only this answer's nonce allows; there is no inline script.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


class Page:
    """Files of the page by path. Only what was there at the start is served, so no path leads outside."""

    def __init__(self, folder: Path = PAGE) -> None:
        self._files = {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in (sorted(folder.rglob("*")) if folder.is_dir() else ())
            if file.is_file()
        }

    def index(self) -> Response:
        html = self._files.get("index.html")
        if html is None:
            return PlainTextResponse("The page is not built; run `make page`. The API is here: /api/models\n", 404)
        nonce = secrets.token_urlsafe(16)
        headers = {"content-security-policy": _POLICY.format(nonce=nonce)}
        return Response(html.replace(_NONCE, nonce.encode()), headers=headers, media_type="text/html")

    @property
    def paths(self) -> list[str]:
        """What `file` has."""
        return [path for path in self._files if path != "index.html"]

    def file(self, path: str) -> Response:
        """One of the page's files."""
        suffix = Path(path).suffix
        media_type = _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        # Built names carry a hash of what is in them, so that they may be kept for ever.
        kept = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
        return Response(self._files[path], headers={"cache-control": kept}, media_type=media_type)
