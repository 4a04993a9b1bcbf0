"""The products of an ONNX graph in int8: a quarter of the memory to read, which is what small batches wait for."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx

__all__ = ["products_to_int8"]


def products_to_int8(graph: bytes, *, kept: Sequence[str] = ()) -> onnx.ModelProto:
    """Matrix products with constants, and LSTM cells, to int8: weights with a scale per output channel, activations as
    they come. Everything else stays as it is.

    Args:
        kept: names of nodes that stay float32.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()  # where ONNX Runtime advises preprocessing, which our graphs do not need
    level = root.level
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(graph)
        root.setLevel(logging.ERROR)
        try:
            quantize_dynamic(
                before,
                after,
                op_types_to_quantize=["MatMul", "LSTM"],
                per_channel=True,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=list(kept),
                extra_options={"MatMulConstBOnly": True},
            )
        finally:
            root.setLevel(level)
        return onnx.load(after)
