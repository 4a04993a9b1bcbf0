"""codling: a small neural code assistant, trained on your own machine and on your own code."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codling.bundle import Bundle as Bundle
    from codling.bundle import load_bundle as load_bundle
    from codling.complete import Completer as Completer
    from codling.errors import CodlingError as CodlingError
    from codling.search.index import CodeIndex as CodeIndex

__version__ = "0.1.0"

# Resolved on first use (PEP 562), so that importing codling costs milliseconds.
_HOME_OF = {
    "Bundle": "codling.bundle",
    "CodeIndex": "codling.search.index",
    "CodlingError": "codling.errors",
    "Completer": "codling.complete",
    "load_bundle": "codling.bundle",
}

__all__ = ["Bundle", "CodeIndex", "CodlingError", "Completer", "__version__", "load_bundle"]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'codling' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
