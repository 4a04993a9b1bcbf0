"""How the editors' servers find a `codling serve` that runs already, so that its models are not loaded twice.

A server that only this machine can reach leaves a file in the user's runtime folder, which says where it listens and
holds a secret. The file counts only if it is the user's, nobody else may read it, and nobody else may write to its
folder. Who found it has the server prove that it knows the secret before any source code is sent: the file may be left
over from a server that was killed, and the port be somebody else's by now.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import logging
import os
import secrets
import socket
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from codling.errors import InputError
from codling.serve.messages import decode, encode

__all__ = [
    "Identity",
    "Notice",
    "ServerMessage",
    "announced",
    "ask",
    "authorization",
    "find_notice",
    "proof",
    "read_notices",
    "runtime_folder",
]

_log = logging.getLogger("codling")

MAX_BYTES = 65_536  # of a notice
_MAX_NONCE = 200
_HELLO_S = 1.0  # for a server to say what it is
_LISTENS_S = 0.2  # for a port of this machine to say that nobody listens there


class Notice(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the file says."""

    host: Annotated[str, Meta(pattern=r"^(127\.\d+\.\d+\.\d+|::1)$")]
    port: Annotated[int, Meta(ge=1, le=65_535)]
    secret: Annotated[str, Meta(min_length=32, max_length=200)]
    token: str | None = None
    pid: int

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"


class ServerMessage(Struct, frozen=True, kw_only=True):
    """What a server says of itself."""

    version: str
    projects: list[str]
    "Folders; completions know the files of the first."
    models: list[str]
    proof: str


class Identity:
    """Lets a server prove that it is the one that left the file."""

    def __init__(self, projects: Sequence[Path] = ()) -> None:
        self.secret = secrets.token_urlsafe(32)
        self.projects = [str(project.resolve()) for project in projects]

    def message(self, nonce: str, models: list[str]) -> ServerMessage:
        """What to say to who sent a nonce.

        Raises:
            InputError: the nonce is too long.
        """
        from codling import __version__

        if len(nonce) > _MAX_NONCE:
            raise InputError(f"a nonce has at most {_MAX_NONCE} characters")
        return ServerMessage(
            version=__version__, projects=self.projects, models=models, proof=proof(self.secret, nonce)
        )


def proof(secret: str, nonce: str) -> str:
    """What only those can compute who know the secret."""
    return hmac.new(secret.encode(), b"codling server " + nonce.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


@contextlib.contextmanager
def announced(host: str, port: int, token: str | None, secret: str) -> Iterator[None]:
    """Leave the file while the block runs. A server that cannot is found by nobody, and serves all the same."""
    path: Path | None = None
    notice = Notice(host=host, port=port, secret=secret, token=token, pid=os.getpid())
    try:
        folder = runtime_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(folder.lstat(), folder=True):
            raise PermissionError(f"{folder} is not this user's alone")
        _clear_away()
        path = _leave(folder / f"server-{port}.json", encode(notice))
    except OSError as error:
        _log.info("editors will not find this server: %s", error)
    try:
        yield
    finally:
        if path is not None:
            _take_away(path, notice)


def _leave(path: Path, data: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".server-")  # nobody else may read it
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        return temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _take_away(path: Path, notice: Notice) -> None:
    """Unless it is another server's by now, which has taken the port since this one gave it up."""
    with contextlib.suppress(OSError, InputError):
        if _read(path) == notice:
            path.unlink()


def _clear_away() -> None:
    """Take away what servers have left that were killed: those at whose port nobody listens."""
    for path, notice in read_notices():
        try:
            socket.create_connection((notice.host, notice.port), timeout=_LISTENS_S).close()
        except ConnectionRefusedError:
            _take_away(path, notice)
        except OSError:  # busy, perhaps
            continue


def read_notices() -> list[tuple[Path, Notice]]:
    """The files that count, those written last first."""
    folder = runtime_folder()
    try:
        if not _is_ours(folder.lstat(), folder=True):
            return []
        paths = list(folder.glob("server-*.json"))
    except OSError:
        return []
    found = []
    for path in paths:
        try:
            found.append((path.lstat().st_mtime_ns, path, _read(path)))
        except (OSError, InputError) as error:  # or gone since
            _log.debug("%s does not count: %s", path, error)
    found.sort(key=lambda row: -row[0])
    return [(path, notice) for _, path, notice in found]


def ask(notice: Notice, timeout_s: float) -> ServerMessage | None:
    """Have a server say what it is; None if it is not there, or not the one that left the file."""
    nonce = secrets.token_urlsafe(24)
    connection = http.client.HTTPConnection(notice.host, notice.port, timeout=timeout_s)
    try:
        connection.request("GET", f"/api/server?nonce={nonce}", headers=authorization(notice))
        answer = connection.getresponse()
        body = answer.read(MAX_BYTES)
        if answer.status != 200:
            return None
        message = decode(body, ServerMessage)
    except (OSError, http.client.HTTPException, InputError, UnicodeError):  # a token that no header can hold
        return None
    finally:
        connection.close()
    return message if hmac.compare_digest(message.proof, proof(notice.secret, nonce)) else None


def find_notice(folders: Sequence[Path], model: str | None = None) -> Notice | None:
    """A server that answers as one of the caller's own would: for the same folder, with the model that was chosen.

    Args:
        folders: of the workspace. Of several, no server knows all for completions.
        model: the name that the user chose; None for the server's default.
    """
    if len(folders) > 1:
        return None
    for path, notice in read_notices():
        message = ask(notice, _HELLO_S)
        if message is None:
            _log.debug("%s: nobody answers who knows the secret", path)
            continue
        if model is not None and model not in message.models:
            continue
        if not folders or (message.projects and folders[0].is_relative_to(message.projects[0])):
            return notice
    return None


def runtime_folder() -> Path:
    """Where the files are left."""
    home = os.environ.get("CODLING_HOME")
    if home:
        return Path(home) / "run"
    import platformdirs

    with warnings.catch_warnings():  # of a system without such a folder, where it takes one among the temporary ones
        warnings.simplefilter("ignore")
        return platformdirs.user_runtime_path("codling")


def authorization(notice: Notice) -> dict[str, str]:
    return {"authorization": f"Bearer {notice.token}"} if notice.token else {}


def _read(path: Path) -> Notice:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not _is_ours(os.fstat(descriptor), folder=False):
            raise PermissionError("it is not this user's alone")
        return decode(file.read(MAX_BYTES), Notice)


def _is_ours(about: os.stat_result, *, folder: bool) -> bool:
    """Whether it is what it should be, and nobody but this user may do anything with it."""
    if not (stat.S_ISDIR(about.st_mode) if folder else stat.S_ISREG(about.st_mode)):
        return False
    if sys.platform == "win32":  # the profile's folder is its user's alone
        return True
    return about.st_uid == os.getuid() and not about.st_mode & (0o022 if folder else 0o077)
