"""Collecting the nodes and constants of an ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["END", "Graph"]

END = np.iinfo(np.int64).max
"Of a slice that goes to the end."

_OPSET = 17
"Old enough for every ONNX Runtime that we support; new enough for all operators that we use."


class Graph:
    """Collects the nodes and constants of a graph."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._count = 0

    def name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def input(self, name: str, kind: int, shape: list[int | str]) -> None:
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))

    def output(self, name: str, shape: list[int | str]) -> None:
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def constant(self, name: str, value: Any) -> str:
        if name not in self._constants:
            array = value.detach().float().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
            self._constants[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name

    def scalar(self, value: int) -> str:
        """An int64 of no dimensions."""
        return self.constant(f"int.{value}", np.array(value, np.int64))

    def ints(self, *values: int) -> str:
        """An int64 vector: a shape, axes, a slice's start."""
        return self.constant("ints." + ".".join(map(str, values)), np.array(values, np.int64))

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        output = self.name()
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def serialise(self) -> bytes:
        graph = helper.make_graph(self.nodes, "lm", self._inputs, self._outputs, list(self._constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="codling")
        model.ir_version = 9  # ONNX Runtime 1.17 and later
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
