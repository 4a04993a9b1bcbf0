"""Answers as the protocol wants them."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Sequence
from pathlib import Path

from lsprotocol import types

from codling.complete.lexical import is_word, word_before
from codling.search.results import Hit
from codling.serve.lsp.documents import Document, Encoding, units
from codling.serve.lsp.ghosts import Offer
from codling.serve.messages import SuggestionMessage

__all__ = ["ACCEPTED", "ghost_items", "symbols", "token_items"]

ACCEPTED = "codling.accepted"
"The command that an editor executes when a suggestion was taken."

_MAX_LABEL = 80  # characters of a row in a list

_SYMBOLS = {
    "function": types.SymbolKind.Function,
    "method": types.SymbolKind.Method,
    "class": types.SymbolKind.Class,
    "interface": types.SymbolKind.Interface,
    "enum": types.SymbolKind.Enum,
    "type": types.SymbolKind.TypeParameter,
    "constant": types.SymbolKind.Constant,
    "module": types.SymbolKind.Module,
}


def ghost_items(offers: Iterable[Offer], where: types.Range, lead: str) -> types.InlineCompletionList:
    """Ghost text.

    Args:
        where: what it replaces: nothing, or what the selected entry of a list replaces.
        lead: that entry, with which the text has to begin.
    """
    return types.InlineCompletionList(
        [
            types.InlineCompletionItem(
                insert_text=lead + offer.text,
                range=where,
                command=types.Command(title="codling: accepted", command=ACCEPTED, arguments=[offer.id]),
            )
            for offer in offers
        ]
    )


def token_items(
    document: Document, offset: int, suggestions: Sequence[SuggestionMessage], position: types.Position
) -> types.CompletionList:
    """The list of next tokens. A token that goes on with the word before the cursor is shown as the whole word."""
    assert document.text is not None
    word = word_before(document.text[max(0, offset - 200) : offset])
    where = types.Range(document.position(offset - len(word)), position)
    items: dict[str, types.CompletionItem] = {}
    for rank, suggestion in enumerate(suggestions):
        whole = word + suggestion.text
        label = whole.strip()[:_MAX_LABEL]
        if not label or label == word or label in items:
            continue
        items[label] = types.CompletionItem(
            label=label,
            kind=_kind(label),
            detail=_percent(suggestion.score),
            sort_text=f"{rank:03d}",
            filter_text=whole if word else label,
            text_edit=types.TextEdit(where, whole),
        )
    # Each keystroke changes the probabilities, so the editor has to ask again.
    return types.CompletionList(is_incomplete=True, items=list(items.values()))


def symbols(hits: Iterable[Hit], encoding: Encoding) -> list[types.WorkspaceSymbol]:
    """Places in files; a hit whose file has gone since is left out."""
    found = []
    for hit in hits:
        try:
            line = hit.read().split("\n")[hit.line - 1]
        except (OSError, IndexError):
            continue
        at = max(0, line.find(hit.name))
        start = types.Position(hit.line - 1, units(line[:at], encoding))
        end = types.Position(hit.line - 1, start.character + units(hit.name if hit.name in line else "", encoding))
        found.append(
            types.WorkspaceSymbol(
                location=types.Location(uri_of(hit.root / hit.path), types.Range(start, end)),
                name=hit.name,
                kind=_SYMBOLS.get(hit.kind, types.SymbolKind.String),
                container_name=hit.qualified_name[: -len(hit.name)].rstrip(".") or hit.path,
            )
        )
    return found


def uri_of(path: Path) -> str:
    return path.absolute().as_uri()


def _kind(label: str) -> types.CompletionItemKind:
    if keyword.iskeyword(label):
        return types.CompletionItemKind.Keyword
    if not is_word(label[0]):
        return types.CompletionItemKind.Operator
    return types.CompletionItemKind.Text


def _percent(share: float) -> str:
    if share < 0.01:
        return "< 1%"
    return f"{share:.0%}" if share < 0.995 else "> 99%"
