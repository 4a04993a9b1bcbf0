"""codling in JupyterLab: the part in the browser, and the one in Jupyter's server, which finds or starts codling's."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

__all__ = ["__version__"]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextensions/codling-jupyter", "dest": "codling-jupyter"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from codling_jupyter.extension import CodlingExtension

    return [{"module": "codling_jupyter", "app": CodlingExtension}]
