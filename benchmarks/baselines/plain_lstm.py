"""The least PyTorch that trains a character LSTM: one module, one loop, nothing saved, watched or validated."""

# B batch, T time

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn import functional


class PlainLSTM(nn.Module):
    """Embedding, torch.nn.LSTM, linear layer."""

    def __init__(self, vocab_size: int, embedding_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_size)
        self.lstm = nn.LSTM(embedding_size, hidden_size, num_layers, batch_first=True)
        self.output = nn.Linear(hidden_size, vocab_size)

    def forward(self, tokens_BT: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden, state = self.lstm(self.embedding(tokens_BT), state)
        return self.output(hidden), state


def train_plain(
    model: PlainLSTM,
    tokens: Tensor,
    *,
    batch: int,
    window: int,
    steps: int,
    lr: float,
    device: torch.device,
    bfloat16: bool,
) -> float:
    """Train with carried state and clipping, as everyone writes it by hand; tokens per second after the first step."""
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0, fused=device.type == "cuda" or None)
    length = len(tokens) // batch
    lanes = tokens[: length * batch].view(batch, length).to(device)
    state: tuple[Tensor, Tensor] | None = None
    start = 0.0
    for step in range(steps):
        at = step * window % (length - window - 1)
        inputs_BT, targets_BT = lanes[:, at : at + window], lanes[:, at + 1 : at + window + 1]
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            logits, state = model(inputs_BT, state)
        state = (state[0].detach(), state[1].detach())
        loss = functional.cross_entropy(logits.flatten(0, 1).float(), targets_BT.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step == 0:
            _wait(device)
            start = time.perf_counter()
    _wait(device)
    return (steps - 1) * batch * window / (time.perf_counter() - start)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
