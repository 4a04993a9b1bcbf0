"""Where training runs, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import autocast

from codling.errors import TrainingError

__all__ = ["Device", "pick_device"]


@dataclass(frozen=True)
class Device:
    """A device and the precision of its matrix products."""

    torch: torch.device
    bfloat16: bool
    name: str
    'In words, for example "NVIDIA H100 80GB HBM3, bfloat16".'

    def autocast(self) -> autocast:
        """Context in which matrix products run in bfloat16, if that was chosen; weights stay float32."""
        return autocast(self.torch.type, torch.bfloat16, enabled=self.bfloat16)


def pick_device(device: str, precision: str) -> Device:
    """Resolve "auto".

    Args:
        device: "auto", "cpu" or "cuda".
        precision: "auto", "float32" or "bfloat16".

    Raises:
        TrainingError: there is no CUDA device, or it has no bfloat16, and it was asked for.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        if not torch.cuda.is_available():
            raise TrainingError("PyTorch finds no CUDA device here; set loop.device=cpu, or check `nvidia-smi`")
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
        if precision == "bfloat16" and not has_bfloat16:
            raise TrainingError("this CUDA device has no bfloat16; set loop.precision=float32")
        bfloat16 = precision == "bfloat16" or (precision == "auto" and has_bfloat16)
        name = torch.cuda.get_device_name()
    else:
        bfloat16 = precision == "bfloat16" or (precision == "auto" and _multiplies_bfloat16())
        num_threads = torch.get_num_threads()
        name = f"CPU, {num_threads} thread{'s' if num_threads > 1 else ''}"
    return Device(torch.device(device), bfloat16, f"{name}, {'bfloat16' if bfloat16 else 'float32'}")


def _multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for it; elsewhere it is emulated, and slower than float32."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
