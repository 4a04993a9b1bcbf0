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

__all__ = ["digest_of", "load_known_weights", "load_weights", "read_tensors", "weights_of", "write_tensors"]

FORMAT = 1
"Version of the metadata; a reader refuses others."


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors and what they are, as plain data, atomically."""
    from safetensors.torch import save

    # Copies, because on CUDA an LSTM's weights are views of one buffer, which safetensors refuses.
    copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    metadata = {"format": str(FORMAT), "digest": digest_of(copies), "about": json.dumps(about, ensure_ascii=False)}
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
        damaged = digest_of(tensors) != metadata["digest"]
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


def load_known_weights(
    module: nn.Module, weights: Mapping[str, Tensor], where: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Copy the weights that a module knows by name into it, in place; a new run starts so from another's.

    Returns:
        Names of the module's weights that the source lacks, which stay as they are, and of those of the source that the
        module has no use for.

    Raises:
        TrainingError: a weight of the same name has another shape, or none is known at all.
    """
    own = weights_of(module)
    known = [name for name in own if name in weights]
    if not known:
        raise TrainingError(f"{where} has no weight that this model knows, so nothing to start from")
    for name in known:
        if own[name].shape != weights[name].shape:
            raise TrainingError(
                f"{where} is of another model: {name!r} is {list(weights[name].shape)}, not {list(own[name].shape)}"
            )
    with torch.no_grad():
        for name in known:
            own[name].copy_(weights[name])
    return tuple(name for name in own if name not in weights), tuple(name for name in weights if name not in own)


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and values of tensors on the CPU, in hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
