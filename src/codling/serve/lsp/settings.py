"""What a client may choose: as ``initializationOptions``, and later by ``workspace/didChangeConfiguration``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from pathspec import GitIgnoreSpec

from codling.errors import nearest

__all__ = ["Settings", "read_settings"]


class Settings(Struct, rename="camel", frozen=True, kw_only=True):
    """Keys are written in camel case: ``inComments``. Each is independent of the others, and may be left out."""

    enabled: bool = True
    "Suggest at all."
    languages: dict[str, bool] = {}
    """By the protocol's language id: true or false. ``"*"`` stands for those that are not named; without it, a language
    is on if a model knows it."""
    exclude: tuple[str, ...] = ("**/.env", "**/.env.*")
    "Files without suggestions, as patterns of .gitignore, tried on the path below its workspace folder."
    in_comments: bool = False
    "Suggest within comments and documentation."
    in_strings: bool = True
    "Suggest within strings."
    from_comments: bool = False
    "On the empty line below a comment or documentation, offer the program that it describes."
    kind: Literal["line", "block"] = "line"
    "How far ghost text reaches."
    alternatives: Annotated[int, Meta(ge=1, le=10)] = 3
    "Suggestions to cycle through when they are asked for explicitly."
    alternatives_at_once: bool = False
    "Give them unasked, too, for a client that cycles through what it has and cannot ask for more."
    tokens: Annotated[int, Meta(ge=0, le=50)] = 8
    "Length of the list of next tokens; 0 for none."
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    "Least probability of ghost text that comes unasked; None for what ``codling stats --set-threshold`` set."
    model: Annotated[str, Meta(min_length=1, max_length=4_096)] | None = None
    "Name or path of a bundle; None for the one that fits each file's language."
    project: bool = True
    "Read the workspace's other files, so that suggestions know their names."
    index: bool = True
    "Index the workspace for search, and keep the index true."
    use_server: bool = True
    "Ask a `codling serve` that runs for the same folders, in place of loading models a second time."
    stats: bool = True
    "Count, on this machine only, what was shown and accepted."
    shown_by_client: bool = False
    "The client says with ``codling/shown`` what it really shows; otherwise an answer counts as shown."
    status: bool = False
    "The client takes the notification ``codling/status``."

    def allows_language(self, language_id: str, known: bool) -> bool:
        """Whether to suggest in a language.

        Args:
            known: a model has learned it.
        """
        return self.languages.get(language_id, self.languages.get("*", known))

    def allows_path(self, path: str) -> bool:
        """Whether to suggest in a file.

        Args:
            path: below its workspace folder, with / between folders.
        """
        return not GitIgnoreSpec.from_lines(self.exclude).match_file(path)


def read_settings(value: Any) -> tuple[Settings, list[str]]:
    """The settings out of what a client sent, whatever that is, and a line for each thing that is wrong with it: a
    mistake in one of them must not take the others away.
    """
    if value is None:
        return Settings(), []
    if not isinstance(value, dict):
        return Settings(), [f"codling's settings must be an object, not {type(value).__name__}"]
    known = {field.encode_name: field for field in msgspec.structs.fields(Settings)}
    good: dict[str, Any] = {}
    wrong: list[str] = []
    for key, given in value.items():
        if key not in known:
            wrong.append(f"unknown setting {str(key)[:100]!r}{nearest(str(key)[:100], known)}")
            continue
        try:
            checked = msgspec.convert(given, known[key].type)
            if key == "exclude":
                GitIgnoreSpec.from_lines(checked)
        except (msgspec.ValidationError, ValueError) as error:
            wrong.append(f"setting {key!r}: {' '.join(str(error).split())}")
        else:
            good[key] = given
    return msgspec.convert(good, Settings), wrong
