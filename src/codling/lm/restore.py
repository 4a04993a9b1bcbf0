"""From a bundle back to a network that can be trained: its graph's constants as PyTorch weights.

A graph names its constants after the network's parts (codling.lm.graph), float32 or int8; int8 ones are multiplied by
their scales here. The network that comes out is checked: written as a graph again, it must have the same constants.
"""

# V vocabulary, E embedding, H hidden

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, numpy_helper

from codling.bundle import Bundle
from codling.config import from_mapping
from codling.errors import BundleError, CodlingError, ConfigError
from codling.lm.config import ModelConfig
from codling.lm.graph import GATES, build_graph, state_rows
from codling.lm.nets import RecurrentLM
from codling.vocab import Vocab, read_vocab

__all__ = ["float_constants", "is_int8", "model_config", "restore"]

Array = npt.NDArray[np.float32]

_MAX_ERROR = 1e-5  # relative to a constant's largest value: what multiplying a scale in and out again may cost


def restore(bundle: Bundle) -> tuple[RecurrentLM, Vocab]:
    """A bundle's network with float32 weights, in evaluation mode, and its vocabulary.

    Raises:
        BundleError: the bundle is no language model of codling's, was trained by other means, or is damaged.
    """
    config, vocab = model_config(bundle), read_vocab(bundle.file("vocab.json"))
    constants = float_constants(_read_graph(bundle), str(bundle.path))
    with torch.random.fork_rng(devices=[]):  # the weights that a network starts with are not wanted here
        try:
            model = RecurrentLM(config, vocab.size).eval()
        except CodlingError as error:
            raise _foreign(bundle, str(error)) from None
    if state_rows(model) != bundle.card.states:
        raise _foreign(bundle, "its states are not those of its configuration")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            array = _weight(name, constants, model)
            if array is None:
                raise _foreign(bundle, f"it has nothing for the weight {name!r}")
            if array.shape != tuple(parameter.shape):
                raise _foreign(bundle, f"{name!r} would be {list(array.shape)}, not {list(parameter.shape)}")
            if not np.isfinite(array).all():
                raise _foreign(bundle, f"{name!r} is not finite")
            parameter.copy_(torch.tensor(array))
    _check(bundle, model, constants)
    return model, vocab


def model_config(bundle: Bundle) -> ModelConfig:
    """The network's configuration, as the card says it.

    Raises:
        BundleError: the card says none that this codling knows.
    """
    training = bundle.card.training.get("config")
    model = training.get("model") if isinstance(training, dict) else None
    if bundle.card.kind != "lm" or model is None:
        raise _foreign(bundle, "its card has no configuration of a network")
    try:
        return from_mapping(ModelConfig, model, "model")
    except ConfigError as error:
        raise _foreign(bundle, str(error)) from None


def is_int8(bundle: Bundle) -> bool:
    """Whether a bundle's graph was quantised."""
    return any(tensor.data_type == TensorProto.INT8 for tensor in _read_graph(bundle).graph.initializer)


def float_constants(graph: onnx.ModelProto, where: str = "the graph") -> dict[str, Array]:
    """A graph's float constants by the names that build_graph gave them, int8 ones as the numbers that they stand for.

    Raises:
        BundleError: a constant lies outside the graph, is damaged, or is int8 without its scale.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for tensor in graph.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:  # it could name any file of this machine
            raise BundleError(f"{where}: {tensor.name!r} lies outside the graph; get the bundle again")
        try:
            arrays[tensor.name] = numpy_helper.to_array(tensor)
        except Exception as error:  # numpy and protobuf raise half a dozen types, all of which mean this
            raise BundleError(f"{where}: {tensor.name!r} is damaged ({error}); get the bundle again") from None
    helpers = r"(_scale|_zero_point|\.scale)"
    found: dict[str, Array] = {}
    for name, array in arrays.items():
        table, matrix = name.removesuffix(".int8"), name.removesuffix("_quantized")
        if table != name:
            found[table] = array.astype(np.float32) * _helper(arrays, f"{table}.scale", where)
        elif matrix != name:
            scale, zero = (_helper(arrays, f"{matrix}_{part}", where) for part in ("scale", "zero_point"))
            values = (array.astype(np.float32) - zero[..., None, :]) * scale[..., None, :]
            # Inside an LSTM, ONNX Runtime keeps int8 weights the other way round than float32 ones.
            found[matrix] = values.transpose(0, 2, 1) if array.ndim == 3 else values
        elif array.dtype == np.float32 and not _is_helper(name, helpers, arrays):
            found[name] = array
    return found


def _is_helper(name: str, helpers: str, arrays: dict[str, npt.NDArray[Any]]) -> bool:
    whole = re.sub(rf"{helpers}$", "", name)
    return whole != name and (f"{whole}_quantized" in arrays or f"{whole}.int8" in arrays)


def _helper(arrays: dict[str, npt.NDArray[Any]], name: str, where: str) -> Array:
    if name not in arrays:
        raise BundleError(f"{where}: the graph has int8 weights without {name!r}; get the bundle again")
    return arrays[name].astype(np.float32)


def _read_graph(bundle: Bundle) -> onnx.ModelProto:
    try:
        return onnx.load_from_string(bundle.file("model.onnx").read_bytes())
    except BundleError:
        raise
    except Exception as error:
        raise BundleError(
            f"bundle {bundle.path}: model.onnx is no ONNX graph ({error}); get the bundle again"
        ) from None


def _foreign(bundle: Bundle, why: str) -> BundleError:
    return BundleError(
        f"bundle {bundle.path} cannot be trained any further: {why}; take one that `codling train` has made"
    )


# --- from the graph's names to the network's ----------------------------------------------------------------------


def _weight(name: str, constants: dict[str, Array], model: RecurrentLM) -> Array | None:
    """One parameter out of the graph's constants; None when they have it not."""
    for pattern, constant, back in _RULES:
        match = re.fullmatch(pattern, name)
        array = constants.get(match.expand(constant)) if match else None
        if array is not None:
            return back(array, model)
    return None


def _ungated(array: Array, model: RecurrentLM) -> Array:
    """A cell's weights or bias with its gates in PyTorch's order again."""
    gates = GATES[model.config.cell]
    parts = np.split(array, len(gates))
    return np.concatenate([parts[gates.index(gate)] for gate in range(len(gates))])


def _bias(half: int) -> Callable[[Array, RecurrentLM], Array]:
    return lambda array, model: _ungated(np.split(array[0], 2)[half], model)


def _same(array: Array, _: RecurrentLM) -> Array:
    return array


def _transposed(array: Array, _: RecurrentLM) -> Array:
    return array.T


_RULES: tuple[tuple[str, str, Callable[[Array, RecurrentLM], Array]], ...] = (
    (r"(embedding|ngrams)\.weight", r"\1", _same),
    (r"matches\.(\d+)\.weight", r"matches\1", _same),
    (r"matches\.(\d+)\.weight", r"matches\1.small", lambda array, model: array.T / np.float32(model.input_scale)),
    (r"layers\.(\d+)\.(weight_[ih]h)_l0", r"layer\1.\2", lambda array, model: _ungated(array[0], model)),
    (r"layers\.(\d+)\.bias_ih_l0", r"layer\1.bias", _bias(0)),
    (r"layers\.(\d+)\.bias_hh_l0", r"layer\1.bias", _bias(1)),
    (r"output_bias", r"output.bias", _same),
    (r"pointer\.heads\.weight", r"pointer.small", _transposed),
    (r"pointer\.heads\.bias", r"pointer.bias", _same),
    (r"(.+)\.bias", r"\1.bias", _same),
    (r"(.+)\.weight", r"\1.weight", _transposed),
    (r"(.+)\.weight", r"\1.small", _transposed),
    (r"(.+)\.weight", r"\1", _transposed),
)
"""Which constant a parameter is written as, by patterns of its name, and how it comes back; the first that there is
counts. A linear layer is written as the matrix that its input is multiplied with."""


def _check(bundle: Bundle, model: RecurrentLM, constants: dict[str, Array]) -> None:
    """Write the network as a graph again: every constant must come out as it went in, and none may be left over."""
    again = float_constants(onnx.load_from_string(build_graph(model)))
    for name in sorted(again.keys() ^ constants.keys()):
        raise _foreign(bundle, f"its graph {'lacks' if name in again else 'has'} {name!r}, unlike its configuration")
    for name, array in again.items():
        other = constants[name]
        if array.shape != other.shape or np.abs(array - other).max(initial=0) > _MAX_ERROR * np.abs(other).max(
            initial=0
        ):
            raise _foreign(bundle, f"its graph does something else with {name!r} than its configuration says")
