"""A language model as the training loop sees it."""

# B batch, T time, V vocabulary

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from codling.config import to_mapping
from codling.lm.config import RunConfig
from codling.lm.nets import RecurrentLM, State
from codling.lm.sampled import candidates_of, linear_cross_entropy
from codling.vocab import DOC, Vocab

__all__ = ["LanguageModelTask"]


class LanguageModelTask:
    """Loss, state and samples of a recurrent language model, for codling.training."""

    def __init__(self, config: RunConfig, vocab: Vocab) -> None:
        self.config = config
        self.vocab = vocab
        torch.manual_seed(config.loop.seed)
        self.module = RecurrentLM(config.model, vocab.size)

    def describe(self) -> dict[str, Any]:
        """What a checkpoint must agree with to be resumed; the loop compares its own settings itself."""
        return {"model": to_mapping(self.config.model), "vocab_size": self.vocab.size}

    def initial_state(self, batch: int, device: torch.device) -> State:
        return self.module.initial_state(batch, device)

    def loss(self, inputs_BT: Tensor, targets_BT: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Cross-entropy of each next token.

        Returns:
            Mean loss in nats, the number of targets that were the likeliest prediction (int64), and the next state.
        """
        if self.config.model.sampled and self.module.training:
            return self._sampled_loss(inputs_BT, targets_BT, state)
        logits_BTV, state = self.module(inputs_BT, state)
        flat = logits_BTV.flatten(0, 1).float()
        targets = targets_BT.flatten()
        return functional.cross_entropy(flat, targets), (flat.argmax(-1) == targets).sum(), state

    def _sampled_loss(self, inputs_BT: Tensor, targets_BT: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        module, targets_N = self.module, targets_BT.flatten()
        x_BTE, pointing, state = module.read(inputs_BT, state)
        ids_C, log_weights_C, places_N = candidates_of(targets_N, self.vocab.size, self.config.model.sampled)
        weight_CE = module.embedding.weight[ids_C]
        bias_C = module.output_bias[ids_C] + log_weights_C
        mixed_N2 = None
        if pointing is not None:
            other_BT = pointing.log_prob_of(targets_BT)
            mixed_N2 = torch.stack([pointing.log_rest_BT, other_BT], dim=-1).flatten(0, 1)
        loss, num_right = linear_cross_entropy(x_BTE.flatten(0, 1), weight_CE, bias_C, places_N, x_BTE.dtype, mixed_N2)
        return loss, num_right, state

    @torch.no_grad()
    def sample(self, step: int) -> str:
        """Go on from each prompt of the configuration; seeded by the step, so that a resumed run draws the same."""
        config = self.config.sample
        self.module.eval()
        device = next(self.module.parameters()).device
        generator = torch.Generator().manual_seed(self.config.loop.seed * 1_000_003 + step)
        prompts = [[DOC, *self.vocab.encode(prompt)] for prompt in config.prompts]
        texts = []
        for ids in prompts:
            state = self.module.initial_state(1, device)
            logits_BTV, state = self.module(torch.tensor([ids], device=device), state)
            for _ in range(config.num_chars):
                logits_V = logits_BTV[0, -1].float().cpu()
                if config.temperature == 0:
                    token = int(logits_V.argmax())
                else:
                    probabilities_V = (logits_V / config.temperature).softmax(-1)
                    token = int(torch.multinomial(probabilities_V, 1, generator=generator))
                if token == DOC:
                    break
                ids.append(token)
                logits_BTV, state = self.module(torch.tensor([[token]], device=device), state)
            texts.append(self.vocab.decode(ids))
        self.module.train()
        return "\n\n# ────\n\n".join(texts)
