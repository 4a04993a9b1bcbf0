"""Where ``training.onnx_graph`` was before other rooms wrote graphs, too."""

from __future__ import annotations

from codling.training.onnx_graph import END, Graph

__all__ = ["END", "Graph"]
