"""Licences out of what projects really write."""

from __future__ import annotations

import pytest

from codling.corpus.licences import UNKNOWN, detect_licence, is_permissive

MIT_TEXT = """Copyright (c) 2020 A

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal"""
BSD_TEXT = """Redistribution and use in source and binary forms, with or without
modification, are permitted provided that ... Neither the name of the copyright holder nor"""
GPL_TEXT = "                    GNU GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007\n"
LGPL_TEXT = "                   GNU LESSER GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007\n"
OSI = "Classifier: License :: OSI Approved :: "


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ({}, UNKNOWN),
        ({"PKG-INFO": "Name: a\nLicense-Expression: MIT\n"}, "MIT"),
        ({"PKG-INFO": "Name: a\nLicense-Expression: bsd-3-clause AND MIT\n"}, "BSD-3-Clause AND MIT"),
        ({"pyproject.toml": '[project]\nlicense = "Apache-2.0"\n'}, "Apache-2.0"),
        ({"pyproject.toml": '[project]\nlicense = {text = "MIT License"}\n'}, "MIT"),
        ({"pyproject.toml": "[project\n"}, UNKNOWN),
        ({"pyproject.toml": "[project]\nlicense = {text = 5}\n"}, UNKNOWN),
        ({"pyproject.toml": f"size = {'9' * 5_000}\n", "LICENSE": MIT_TEXT}, "MIT"),
        ({"PKG-INFO": f"Name: a\n{OSI}Apache Software License\n"}, "Apache-2.0"),
        ({"PKG-INFO": f"Name: a\n{OSI}BSD License\n"}, "LicenseRef-BSD"),
        ({"PKG-INFO": f"Name: a\n{OSI}BSD License\n", "LICENSE": BSD_TEXT}, "BSD-3-Clause"),
        ({"PKG-INFO": "Name: a\nLicense: new BSD\n"}, "BSD-3-Clause"),
        ({"PKG-INFO": "Name: a\nLicense: Something of our own\n"}, UNKNOWN),
        ({"setup.cfg": "[metadata]\nlicense = MIT\n"}, "MIT"),
        ({"LICENSE.txt": MIT_TEXT}, "MIT"),
        ({"COPYING": GPL_TEXT}, "GPL-3.0-or-later"),
        ({"COPYING.LESSER": LGPL_TEXT}, "LGPL-3.0-or-later"),
        # the text is stricter than the classifier: both count
        ({"PKG-INFO": f"Name: a\n{OSI}MIT License\n", "LICENSE": GPL_TEXT}, "GPL-3.0-or-later AND MIT"),
        # licences of bundled parts are not the project's
        ({"PKG-INFO": f"Name: a\n{OSI}MIT License\n", "LICENSES_bundled.txt": GPL_TEXT}, "MIT"),
    ],
)
def test_detect(metadata: dict[str, str], licence: str) -> None:
    assert detect_licence(metadata) == licence


@pytest.mark.parametrize(
    ("expression", "permissive"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("(MIT OR GPL-3.0-only) AND BSD-3-Clause", True),
        ("MIT OR GPL-3.0-only AND LGPL-2.1-only", True),
        ("LicenseRef-Ours", False),
        (UNKNOWN, False),
        ("", False),
        ("(MIT", False),
        ("MIT MIT", False),
        ("AND", False),
    ],
)
def test_is_permissive(expression: str, permissive: bool) -> None:
    assert is_permissive(expression) is permissive
