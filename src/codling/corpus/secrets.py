"""Mask what should not be learned by heart: keys, tokens, passwords, and people's e-mail addresses.

The patterns are the issuers' documented formats (as in detect-secrets and GitHub's secret scanning), and for
passwords a telling name beside a value of high entropy. Only what lies inside a string literal, or inside documentation
that is kept, is ever changed; which spans those are is the caller's business, who has the syntax tree.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

__all__ = ["EMAIL_MASK", "KEY_MASK", "find_secrets"]

EMAIL_MASK = b"<email>"
KEY_MASK = b"<key>"

# Each pattern with a text that every match holds, so that most sources are passed over at the speed of memory. A group
# narrows what is masked; without one it is the whole match.
_KEYS = tuple(
    (mark, re.compile(pattern))
    for mark, pattern in (
        (b"AKIA", rb"\bAKIA[0-9A-Z]{16}\b"),  # AWS access key id, long-lived and temporary
        (b"ASIA", rb"\bASIA[0-9A-Z]{16}\b"),
        (b"gh", rb"\bgh[pousr]_[A-Za-z0-9]{36,255}\b"),  # GitHub
        (b"github_pat_", rb"\bgithub_pat_[A-Za-z0-9_]{22,255}\b"),
        (b"glpat-", rb"\bglpat-[A-Za-z0-9_-]{20,}"),  # GitLab
        (b"xox", rb"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),  # Slack
        (b"hooks.slack.com", rb"hooks\.slack\.com/services/(T[A-Za-z0-9_]+/B[A-Za-z0-9_]+/[A-Za-z0-9_]+)"),
        (b"AIza", rb"\bAIza[0-9A-Za-z_-]{35}"),  # Google
        (b"ya29.", rb"\bya29\.[0-9A-Za-z_-]{20,}"),
        (b"k_live_", rb"\b[sr]k_live_[0-9A-Za-z]{16,}"),  # Stripe
        (b"k_test_", rb"\b[sr]k_test_[0-9A-Za-z]{16,}"),
        (b"sk-", rb"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}"),  # OpenAI, Anthropic
        (b"hf_", rb"\bhf_[A-Za-z0-9]{30,}\b"),  # Hugging Face
        (b"pypi-AgEI", rb"\bpypi-AgEI[A-Za-z0-9_-]{50,}"),
        (b"npm_", rb"\bnpm_[A-Za-z0-9]{36}\b"),
        (b"SG.", rb"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),  # SendGrid
        (b"eyJ", rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),  # JSON web token
        (b"PRIVATE KEY-----", rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----([^-]{40,8192})-----END"),
        (b"://", rb"://[^\s/:@\"'<>{}%$]{1,64}:([^\s/:@\"'<>{}%$]{3,64})@[A-Za-z0-9]"),  # a password in a URL
    )
)

_NAMES = (b"api_key", b"apikey", b"secret", b"token", b"passwd", b"password", b"access_key", b"private_key")
_VALUE = re.compile(
    rb"(?:_?key|_access_key|_value)?[0-9]?[\"']?\]?\s{0,4}(?:=>|=|:)\s{0,4}[\"']([A-Za-z0-9+/=_.~-]{16,128})[\"']",
    re.IGNORECASE,
)  # what follows such a name
_MIN_ENTROPY_BITS = 3.5  # per character; English words lie near 3, random hexadecimal near 3.7 at this length

# The first letter may follow an escape such as \n, never a lone backslash: half an escape must not be masked.
_EMAIL = re.compile(
    rb"(?:(?<![\w.%+\-\\])|(?<=\\[abfnrtv]))"
    rb"(?!git@)[A-Za-z0-9][\w.%+-]{0,63}@(?P<domain>(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?\.){1,8}"
    rb"(?:[a-z]{2}|com|org|net|edu|gov|mil|int|info|name|dev|app))(?![\w.-]*@)\b(?!\()"
)
_RESERVED = (b"example.com", b"example.org", b"example.net", b"example.edu")  # RFC 2606: nobody's


def find_secrets(source: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Spans of a source that look secret or personal, and what to put in their place; they may overlap."""
    for mark, pattern in _KEYS:
        if mark in source:
            for match in pattern.finditer(source):
                yield match.start(pattern.groups), match.end(pattern.groups), KEY_MASK
    lower = source.lower()  # bytes: only ASCII changes, so offsets stay
    for name in _NAMES:
        at = lower.find(name)
        while at >= 0:
            named = _VALUE.match(source, at + len(name))
            if named and any(48 <= byte <= 57 for byte in named[1]) and _entropy_bits(named[1]) >= _MIN_ENTROPY_BITS:
                yield named.start(1), named.end(1), KEY_MASK
            at = lower.find(name, at + 1)
    at = source.find(b"@")
    while at >= 0:
        if source[at - 1 : at].isalnum():  # a decorator's @ has nothing before it
            for match in _EMAIL.finditer(source, max(0, at - 64), at + 256):
                if match.start() < at < match.end() and not match["domain"].lower().endswith(_RESERVED):
                    yield match.start(), match.end(), EMAIL_MASK
        at = source.find(b"@", at + 1)


def _entropy_bits(value: bytes) -> float:
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
