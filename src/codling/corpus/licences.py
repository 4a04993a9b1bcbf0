"""Which licence a project is under, as an SPDX expression, from what the project says about itself."""

from __future__ import annotations

import configparser
import email.parser
import tomllib
from typing import Any

__all__ = ["UNKNOWN", "detect_licence", "is_permissive"]

UNKNOWN = "unknown"

PERMISSIVE = frozenset(
    (
        *("0BSD", "AFL-3.0", "Apache-1.1", "Apache-2.0", "Artistic-2.0", "BSD-1-Clause", "BSD-2-Clause"),
        *("BSD-2-Clause-Patent", "BSD-3-Clause", "BSD-3-Clause-Clear", "BSD-3-Clause-LBNL"),
        *("BSD-3-Clause-Open-MPI", "BSD-4-Clause", "BSL-1.0", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0"),
        *("CNRI-Python", "FTL", "HPND", "ICU", "ISC", "JSON", "MIT", "MIT-0", "MIT-CMU", "NCSA", "OFL-1.1"),
        *("OpenSSL", "PostgreSQL", "PSF-2.0", "Python-2.0", "Python-2.0.1", "SGI-B-2.0", "Unicode-3.0"),
        *("Unicode-DFS-2016", "Unlicense", "UPL-1.0", "W3C", "WTFPL", "X11", "Zlib", "ZPL-2.1"),
        *("bzip2-1.0.6", "LicenseRef-BSD"),
    )
)
"SPDX ids that ask for no more than notices; LicenseRef-BSD is a BSD licence whose number of clauses is not said."

_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "LicenseRef-BSD",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "Zope Public License": "ZPL-2.1",
    "The Unlicense (Unlicense)": "Unlicense",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU General Public License (GPL)": "GPL-2.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-2.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
}

# Phrases of licence texts, white space collapsed, lower case. The first row all of whose phrases occur decides, so a
# licence stands before those whose words it contains.
_TEXTS = (
    ("AGPL-3.0-or-later", ("gnu affero general public license",)),
    ("LGPL-3.0-or-later", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1-or-later", ("gnu lesser general public license",)),
    ("LGPL-2.0-or-later", ("gnu library general public license",)),
    ("GPL-3.0-or-later", ("gnu general public license", "version 3")),
    ("GPL-2.0-or-later", ("gnu general public license",)),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("EUPL-1.2", ("european union public licence",)),
    ("EPL-2.0", ("eclipse public license", "2.0")),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("BSL-1.0", ("boost software license", "version 1.0")),
    ("PSF-2.0", ("python software foundation license version 2",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "endorse or promote products")),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "neither the name")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("MIT", ("permission is hereby granted, free of charge, to any person obtaining a copy",)),
    ("MIT", ("the mit license",)),
    ("MIT", ("mit license",)),
)

_SHORT = {
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "expat": "MIT",
    "isc": "ISC",
    "bsd": "LicenseRef-BSD",
    "bsd license": "LicenseRef-BSD",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "psf": "PSF-2.0",
    "unlicense": "Unlicense",
    "gpl": "GPL-2.0-or-later",
    "gplv2": "GPL-2.0-only",
    "gpl v3": "GPL-3.0-only",
    "gplv3": "GPL-3.0-only",
    "gplv3+": "GPL-3.0-or-later",
    "lgpl": "LGPL-2.1-or-later",
    "lgplv3": "LGPL-3.0-only",
    "agplv3": "AGPL-3.0-only",
    "mpl": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "mpl-2.0": "MPL-2.0",
}


def detect_licence(metadata: dict[str, str]) -> str:
    """The project's licence as an SPDX expression, "unknown" when nothing says.

    A declared expression comes first, then the classifiers, then the short licence field, then the licence's text.

    Args:
        metadata: contents of PKG-INFO, pyproject.toml, setup.cfg and licence files by path.
    """
    info = email.parser.Parser().parsestr(metadata.get("PKG-INFO", ""), headersonly=True)
    project = _toml(metadata.get("pyproject.toml", "")).get("project", {})
    project = project if isinstance(project, dict) else {}
    field = project.get("license")
    for expression in (info.get("License-Expression"), field if isinstance(field, str) else None):
        if expression and (expression := _canonical(expression)):
            return expression
    classifiers = project.get("classifiers")
    named = [*(info.get_all("Classifier") or ()), *(classifiers if isinstance(classifiers, list) else ())]
    found = sorted({_CLASSIFIERS[name] for line in named if (name := str(line).split(" :: ")[-1]) in _CLASSIFIERS})
    short = [info.get("License"), field.get("text") if isinstance(field, dict) else None]
    short.append(_setup_cfg(metadata.get("setup.cfg", "")))
    texts = [text for text in short if isinstance(text, str) and text]
    said = next((known for text in texts if (known := _of_text(text)) != UNKNOWN), UNKNOWN)
    written = next((known for path, text in _own_licences(metadata) if (known := _of_text(text)) != UNKNOWN), UNKNOWN)
    if not found:
        found = [next((licence for licence in (said, written) if licence != UNKNOWN), UNKNOWN)]
    elif found == ["LicenseRef-BSD"]:  # the classifier doesn't say which
        found = [next((licence for licence in (said, written) if licence.startswith("BSD")), found[0])]
    if written != UNKNOWN and not is_permissive(written) and all(map(is_permissive, found)):
        found.append(written)  # the text that ships is stricter than what is declared
    return " AND ".join(sorted(found))


def _own_licences(metadata: dict[str, str]) -> list[tuple[str, str]]:
    """The licence files that speak for the project, not for the parts that it bundles."""
    return sorted(
        (path, text)
        for path, text in metadata.items()
        if path.lower().partition(".")[0] in ("license", "licence", "copying", "unlicense")
    )


def is_permissive(expression: str) -> bool:
    """Whether a licence lets code be used for anything with no more than a notice; of an OR, either side may."""
    tokens = expression.replace("(", " ( ").replace(")", " ) ").split()
    position = 0

    def either() -> bool:
        nonlocal position
        value = both()
        while position < len(tokens) and tokens[position].upper() == "OR":
            position += 1
            value = both() or value
        return value

    def both() -> bool:
        nonlocal position
        value = one()
        while position < len(tokens) and tokens[position].upper() == "AND":
            position += 1
            value = one() and value
        return value

    def one() -> bool:
        nonlocal position
        if position >= len(tokens):
            return False
        token = tokens[position]
        position += 1
        if token == "(":
            value = either()
            closed = position < len(tokens) and tokens[position] == ")"
            position += 1
            return value and closed
        if position < len(tokens) and tokens[position].upper() == "WITH":
            position += 2  # an exception only ever permits more
        return token in PERMISSIVE

    return either() and position >= len(tokens)


def _canonical(expression: str) -> str:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(expression))
    except InvalidLicenseExpression:
        return "" if (known := _of_text(expression)) == UNKNOWN else known


def _of_text(text: str) -> str:
    words = " ".join(text.lower().replace('"', "").split())
    if len(words) < 60:
        if words in _SHORT:
            return _SHORT[words]
        from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

        try:
            return str(canonicalize_license_expression(text.strip()))
        except InvalidLicenseExpression:
            pass
    for part in (words[:1_500], words):  # a licence names itself at its top; those of bundled parts may follow
        for licence, phrases in _TEXTS:
            if all(phrase in part for phrase in phrases):
                return licence
    return UNKNOWN


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):  # a number of 5,000 digits is no TOMLDecodeError
        return {}


def _setup_cfg(text: str) -> str:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
        return parser.get("metadata", "license", fallback="")
    except (configparser.Error, UnicodeError):
        return ""
