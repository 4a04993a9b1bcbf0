"""Checkpoints and weights as single safetensors files: tensors, and JSON in the header's metadata. No pickle.

One file, replaced in one step, cannot be half of one checkpoint and half of another. A digest of the tensors is kept
beside them, because safetensors itself would not notice a flipped bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codling.errors import TrainingError
from codling.files import write_atomically

__all__ = ["load_weights", "read_tensors", "weights_of", "write_tensors"]

FORMAT = 1
"Version of the metadata; a reader refuses others."


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors and what they are, as plain data, atomically."""
    from safetensors.torch import save

    # Copies, because on CUDA an LSTM's weights are views of one buffer, which safetensors refuses.
    copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    metadata = {"format": str(FORMAT), "digest": _digest(copies), "about": json.dumps(about, ensure_ascii=False)}
    with write_atomically(path) as file:
        file.write(save(copies, metadata))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of write_tensors, onto the CPU.

    Raises:
        TrainingError: it is missing, damaged, or of another format.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # Clones, because the originals are views of the mapped file, which a later write replaces.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        if metadata.get("format") != str(FORMAT):
            raise TrainingError(f"{path} is of format {metadata.get('format')!r}, this codling reads {FORMAT}")
        about = json.loads(metadata["about"])
        damaged = _digest(tensors) != metadata["digest"]
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise TrainingError(f"{path} is damaged or missing ({error}); train with --fresh to start over") from None
    if damaged:
        raise TrainingError(f"{path} is damaged (its digest does not match); train with --fresh to start over")
    return tensors, about


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """A module's parameters and buffers by name; one that has several names (tied weights) once, under the first."""
    weights: dict[str, Tensor] = {}
    seen: set[tuple[int, tuple[int, ...]]] = set()
    for name, tensor in module.state_dict().items():
        identity = (tensor.data_ptr(), tuple(tensor.shape))
        if identity not in seen or tensor.numel() == 0:
            seen.add(identity)
            weights[name] = tensor
    return weights


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], where: str = "the checkpoint") -> None:
    """Copy weights into a module, in place.

    Raises:
        TrainingError: a weight is missing, unknown, or of another shape.
    """
    own = weights_of(module)
    for name in sorted(own.keys() ^ weights.keys()):
        what = "lacks" if name in own else "has"
        raise TrainingError(f"{where} {what} the weight {name!r}, so it is of another model")
    with torch.no_grad():
        for name, tensor in own.items():
            if tensor.shape != weights[name].shape:
                raise TrainingError(
                    f"{where} is of another model: {name!r} is {list(weights[name].shape)}, not {list(tensor.shape)}"
                )
            tensor.copy_(weights[name])


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
