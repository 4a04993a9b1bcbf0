"""What a network can know without arithmetic: hashed n-gram vectors, and what followed the last time.

A small network on a CPU has few operations to spend and memory to spare. Two kinds of look-up use that:

- *n-gram embeddings*: the last k tokens, hashed, name a row of a table that is learned with the network (Mikolov et al.
  2011 hash such features into a maximum-entropy model; here they are inputs).
- *matches*: when the last k tokens stood in this document before, the token that followed them is very likely to follow
  again. Each document has a small table, from the hash of k tokens to the token behind them, newest first, and the
  network is told what the table says: a pointer to the past (Bhoopchand et al. 2016; Grave et al. 2017) without
  attention. It sees the match as an input and so learns when to believe it.

The table is part of the recurrent state. A window of T tokens gives the same as T windows of one.
"""

# B batch, T time, P past tokens, O orders, S slots, V vocabulary

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["DOCUMENT_WEIGHT", "KEY_MODULUS", "coefficients", "hash_past", "match_past"]

KEY_MODULUS = 16_777_213
"Keys of matches are below this prime, the largest under 2^24, so that a float32 state holds them exactly."

DOCUMENT_WEIGHT = 7_368_787
"What a document's number in a stream weighs in its keys."

_MULTIPLIER, _FIELD = 1_000_003, 2**31 - 1


def coefficients(orders: tuple[int, ...], past: int) -> list[list[int]]:
    """Weights of a linear hash: row i weighs the token i places back, column by order; 0 beyond the order. [P + 1, O]

    Tokens are below 2^16 and weights below 2^31, so that sums over a past of 16 stay far below 2^63.
    """
    return [[pow(_MULTIPLIER, i + 1, _FIELD) if i < order else 0 for order in orders] for i in range(past + 1)]


def hash_past(extended: Tensor, orders: tuple[int, ...], past: int, modulus: int, offset: Tensor | int = 0) -> Tensor:
    """Hash of the last k tokens at each position, for each order k.

    Args:
        extended: int64 [B, P + T], the window with the tokens before it.
        offset: added before reducing; broadcast to [B, T, O].

    Returns:
        int64 [B, T, O] in [0, modulus).
    """
    time = extended.shape[1] - past
    weights = torch.tensor(coefficients(orders, past), device=extended.device)
    hashed = torch.zeros(1, dtype=torch.int64, device=extended.device) + offset
    for back in range(max(orders)):
        hashed = hashed + (extended[:, past - back : past - back + time, None] + 1) * weights[back]
    return hashed % modulus


def match_past(
    keys_BTO: Tensor, tokens_BT: Tensor, last_keys_BO: Tensor, table_BOS: Tensor, vocab_size: int
) -> tuple[Tensor, Tensor]:
    """What followed the last time that the same k tokens stood in this document.

    The table is direct-mapped: a key owns slot ``key % S``, and a newer key with the same slot takes it. An entry is
    ``(key // S) * V + token``, the rest of the key to check it by and the token that followed; 0 is empty. With S ≥ V
    entries stay below 2^24 too.

    Args:
        keys_BTO: int64 hash of the last k tokens at each position, in [0, KEY_MODULUS).
        last_keys_BO: the same at the position before the window.
        table_BOS: int64 entries before the window.

    Returns:
        The token that followed, or 0 (DOC) where nothing did, int64 [B, T, O]; and the table after the window.
    """
    slots = table_BOS.shape[-1]
    keys = keys_BTO.transpose(1, 2)
    learned = torch.cat([last_keys_BO[..., None], keys[..., :-1]], dim=-1)  # each token tells what its past leads to
    entries = (learned // slots) * vocab_size + tokens_BT[:, None]
    into, asked = (learned % slots).int(), (keys % slots).int()
    time = tokens_BT.shape[1]
    number = torch.arange(1, time + 1, device=keys.device, dtype=torch.int32)
    causal = torch.ones(time, time, dtype=torch.bool, device=keys.device).tril()
    # The newest entry of this window that went into the slot asked for, counted from 1; 0 where the table must answer.
    newest = ((into[..., None, :] == asked[..., :, None]) & causal).int().mul_(number).amax(-1).long()
    found = torch.where(
        newest > 0,
        entries.gather(-1, (newest - 1).clamp(min=0)),
        table_BOS.gather(-1, asked.long()),
    )
    followed = torch.where(found // vocab_size == keys // slots, found % vocab_size, 0)
    # Of several entries for one slot the last stays: all of them write it, so that their order does not matter.
    final = (into[..., None, :] == into[..., :, None]).int().mul_(number).amax(-1).long() - 1
    table = table_BOS.scatter(-1, into.long(), entries.gather(-1, final))
    return followed.transpose(1, 2), table
