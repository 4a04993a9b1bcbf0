"""The core: what a program sees and which program it is, through an LSTM, to what it calls next.

Reed & de Freitas 2016, section 3: an encoder of the observation, an LSTM, and three heads: stop, the key of the next
program, its arguments. Differs: stopping is a decision of its own, taken after the last call and not along with it, so
that any Python function can be told, one that returns at once too; observations are categories, whose embeddings are
summed before the encoder's first activation, which is a linear layer on one-hot vectors.
"""

# B batch, T time, K observed values, A arguments, V values of an argument, P rows of programs, H hidden

from __future__ import annotations

import torch
from torch import Tensor, nn

from codling.npi.library import Library
from codling.npi.train.config import CoreConfig

__all__ = ["Core"]


class Core(nn.Module):
    """The network; it runs whole frames, each from a fresh state."""

    def __init__(self, config: CoreConfig, library: Library) -> None:
        super().__init__()
        self.config = config
        size = config.program_size
        self.num_values = library.num_argument_values
        self.values = nn.Embedding(len(library.values), config.encoder_size, padding_idx=0)
        self.encoder_bias = nn.Parameter(torch.zeros(config.encoder_size))
        self.encoder = nn.Linear(config.encoder_size, config.state_size)
        self.programs = nn.Embedding(len(library.programs), size)
        self.arguments = nn.Embedding(max(1, library.num_arguments * (self.num_values + 1)), size)
        self.lstm = nn.LSTM(config.state_size + size, config.hidden_size, config.num_layers, batch_first=True)
        self.stop = nn.Linear(config.hidden_size, 1)
        self.query = nn.Linear(config.hidden_size, config.key_size)
        self.keys = nn.Embedding(len(library.programs), config.key_size)
        self.argument_heads = nn.Linear(config.hidden_size, library.num_arguments * self.num_values)
        with torch.no_grad():
            for table in (self.values, self.programs, self.arguments, self.keys):
                table.weight.mul_(0.5)
            self.values.weight[0] = 0
            for layer in range(config.num_layers):  # forget bias 1: Jozefowicz et al. 2015
                getattr(self.lstm, f"bias_ih_l{layer}")[config.hidden_size : 2 * config.hidden_size] = 1.0

    def forward(
        self, program_B: Tensor, arguments_BA: Tensor, observations_BTK: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run frames.

        Args:
            program_B: int64 rows in [0, P).
            arguments_BA: int64 rows in [0, A (V + 1)).
            observations_BTK: int64 rows of observed values; 0 for what is not seen.

        Returns:
            Stop logits, float [B, T]; scores of all programs, [B, T, P]; scores of argument values, [B, T, A, V].
        """
        batch, time, _ = observations_BTK.shape
        seen = torch.relu(self.values(observations_BTK).sum(2) + self.encoder_bias)
        seen = torch.relu(self.encoder(seen))
        running = self.programs(program_B) + self.arguments(arguments_BA).sum(1)
        x = torch.cat([seen, running[:, None].expand(-1, time, -1)], -1)
        hidden, _ = self.lstm(x)
        scores = self.query(hidden) @ self.keys.weight.T
        arguments = self.argument_heads(hidden).view(batch, time, -1, self.num_values)
        return self.stop(hidden)[..., 0], scores, arguments
