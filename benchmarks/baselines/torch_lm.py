"""A bundle's language model in plain PyTorch: the same weights, read back out of its ONNX graph, in float32."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from codling.bundle import Bundle
from codling.config import from_mapping
from codling.errors import BundleError
from codling.lm.config import ModelConfig
from codling.lm.nets import RecurrentLM, State
from codling.vocab import read_vocab

__all__ = ["TorchRunner", "load_torch"]

_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}  # where each of ONNX's gates stands among PyTorch's


def load_torch(bundle: Bundle) -> RecurrentLM:
    """Rebuild the network that a bundle was exported from; int8 weights come back times their scales.

    Raises:
        BundleError: the bundle was not made by `codling train`, so nobody knows what its graph computes.
    """
    config = bundle.card.training.get("config", {}).get("model")
    if config is None:
        raise BundleError(
            f"bundle {bundle.name}: its card does not say which network it is; use one of `codling train`"
        )
    model = RecurrentLM(from_mapping(ModelConfig, config), read_vocab(bundle.file("vocab.json")).size)
    graph = onnx.load_from_string(bundle.file("model.onnx").read_bytes()).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    with torch.no_grad():
        _set(model.embedding.weight, _table(constants, "embedding"))
        if model.ngrams is not None:
            _set(model.ngrams.weight, _table(constants, "ngrams"))
        for order, matches in enumerate(model.matches):
            _set(matches.weight, _table(constants, f"matches{order}"))
        for index, layer in enumerate(model.layers):
            gates = _GATES[model.config.cell]
            for name in ("weight_ih", "weight_hh"):
                _set(getattr(layer, f"{name}_l0"), _torch_order(_cell_weight(constants, f"layer{index}.{name}"), gates))
            input_bias, hidden_bias = np.split(constants[f"layer{index}.bias"][0], 2)
            _set(layer.bias_ih_l0, _torch_order(input_bias, gates))
            _set(layer.bias_hh_l0, _torch_order(hidden_bias, gates))
        _set(model.output.weight, _matrix(constants, "output.weight").T)
        _set(model.output.bias, constants["output.bias"])
    return model.eval()


class TorchRunner:
    """Runs the network a token at a time, as a program written straight in PyTorch would.

    As PyTorch comes, oneDNN runs its LSTM and packs the weights anew in every call, which for a single token is most of
    the time. Someone who knows that turns it off.
    """

    def __init__(self, model: RecurrentLM, onednn: bool = True) -> None:
        self.model = model
        self._onednn = onednn

    @torch.inference_mode()
    def read(self, tokens: list[int], state: State | None = None) -> tuple[Tensor, State]:
        """Logits [V] after the tokens, and the state there."""
        state = self.model.initial_state(1) if state is None else state
        with torch.backends.mkldnn.flags(enabled=self._onednn):
            logits_BTV, state = self.model(torch.tensor([tokens]), state)
        return logits_BTV[0, -1], state

    @torch.inference_mode()
    def sample(self, tokens: list[int], length: int, temperature: float, seed: int) -> list[int]:
        """Draw tokens one after another."""
        generator = torch.Generator().manual_seed(seed)
        logits_V, state = self.read(tokens)
        drawn: list[int] = []
        for _ in range(length):
            token = int(torch.multinomial(torch.softmax(logits_V / temperature, -1), 1, generator=generator))
            drawn.append(token)
            logits_V, state = self.read([token], state)
        return drawn

    @torch.inference_mode()
    def line(self, logits_V: Tensor, state: State, newline: int, max_tokens: int) -> list[int]:
        """Most likely tokens up to the line's end."""
        line: list[int] = []
        while len(line) < max_tokens:
            token = int(logits_V.argmax())
            if token == newline:
                break
            line.append(token)
            logits_V, state = self.read([token], state)
        return line


def _set(parameter: Tensor, value: npt.NDArray[np.float32]) -> None:
    if parameter.shape != value.shape:
        raise BundleError(f"the graph's weights have shape {value.shape}, the card's network {tuple(parameter.shape)}")
    parameter.copy_(torch.tensor(np.asarray(value, np.float32)))


def _table(constants: dict[str, npt.NDArray[np.float32]], name: str) -> npt.NDArray[np.float32]:
    return constants[name] if name in constants else constants[f"{name}.int8"] * constants[f"{name}.scale"]


def _matrix(constants: dict[str, npt.NDArray[np.float32]], name: str) -> npt.NDArray[np.float32]:
    """A matrix with its columns as output channels, which have a scale each."""
    if name in constants:
        return constants[name]
    zero = constants[f"{name}_zero_point"].astype(np.float32)
    return (constants[f"{name}_quantized"].astype(np.float32) - zero) * constants[f"{name}_scale"]


def _cell_weight(constants: dict[str, npt.NDArray[np.float32]], name: str) -> npt.NDArray[np.float32]:
    """A recurrent cell's weight [gates x H, inputs]; quantised ones are stored transposed."""
    return constants[name][0] if name in constants else _matrix(constants, name)[0].T


def _torch_order(weight: npt.NDArray[np.float32], gates: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Undo the export's re-ordering of gates."""
    parts = np.split(weight, len(gates))
    return np.concatenate([parts[gates.index(place)] for place in range(len(gates))])
