"""Take the code out of a notebook: the code cells, in order, without what is not the notebook's language."""

from __future__ import annotations

import json
from typing import Any

from codling.corpus.clean import Dropped, Parsed, decode, parse
from codling.corpus.languages import LANGUAGES, Language

__all__ = ["notebook_code"]

_SAME_LANGUAGE_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun", "%%memit")
"Cell magics whose cell is still code of the notebook's language; any other's cell is left out whole."


def notebook_code(data: bytes) -> tuple[Language, str] | Dropped:
    """The notebook's language and its code as one text, cells parted by a blank line.

    A cell that parses is taken as it is. From another, lines that belong to IPython (%, !, ?) are taken out, and if
    it still doesn't parse, it's left out: half an idea is common in notebooks.
    """
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError) as error:
        return Dropped("notebook", f"not JSON: {type(error).__name__}")
    cells = _code_cells(notebook)
    if cells is None:
        return Dropped("notebook", "no cells")
    name = _language(notebook)
    language = next((row for row in LANGUAGES if row.name == name), None)
    if language is None:
        return Dropped("notebook", f"in {name}")
    codes = (_cell_code(cell, language) for cell in cells)
    return language, "\n\n".join(code for code in codes if code.strip()) + "\n"


def _code_cells(notebook: Any) -> list[str] | None:
    if not isinstance(notebook, dict):
        return None
    cells: Any
    worksheets = notebook.get("worksheets")  # nbformat 3
    if isinstance(worksheets, list):
        sheets = [sheet.get("cells") for sheet in worksheets if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    else:
        cells = notebook.get("cells")
    if not isinstance(cells, list):
        return None
    texts = []
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            if isinstance(source, list):
                source = "".join(line for line in source if isinstance(line, str))
            if isinstance(source, str):
                texts.append(source)
    return texts


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        entry = metadata.get(key)
        if isinstance(entry, dict) and isinstance(entry.get(name), str):
            return str(entry[name]).lower().removeprefix("i")  # "ipython" in some old ones
    return "python"


def _cell_code(cell: str, language: Language) -> str:
    cell = cell.strip("\n")
    if cell.lstrip().startswith("%%"):
        magic, _, rest = cell.lstrip().partition("\n")
        if magic.split()[0] not in _SAME_LANGUAGE_MAGICS:
            return ""
        cell = rest
    if _parses(cell, language):
        return cell
    lines = (line for line in cell.split("\n") if not _is_magic(line))
    cell = "\n".join(lines)
    return cell if _parses(cell, language) else ""


def _is_magic(line: str) -> bool:
    line = line.strip()
    return line.startswith(("%", "!", "?")) or line.endswith("?")


def _parses(code: str, language: Language) -> bool:
    source = decode(code, language)
    if isinstance(source, Dropped):
        return False
    parsed = parse(source, language)
    return isinstance(parsed, Parsed) and language.complaint(source, parsed.nodes) is None
