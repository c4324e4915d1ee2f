"""Are the notes in the latent? Cross entropy of decoded piano rolls, weighed so that sounding cells count.

Conventions: logits and rolls (B, 2, pitches, steps): onset, sustain.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Num
from torch import Tensor
from torch.nn import functional as F


def note_loss(
    logits: Float[Tensor, "B 2 pitches steps"],
    rolls: Num[Tensor, "B 2 pitches steps"],
    *,
    positive_weight: float = 5.0,
) -> Tensor:
    """Binary cross entropy per sounding cell; cells that sound weigh ``positive_weight`` (they are about 1 in 100)."""
    with torch.autocast(logits.device.type, enabled=False):
        weight = torch.full((), positive_weight, device=logits.device)
        loss = F.binary_cross_entropy_with_logits(logits.float(), rolls.float(), pos_weight=weight, reduction="sum")
        return loss / rolls.sum().clamp_min(1)
