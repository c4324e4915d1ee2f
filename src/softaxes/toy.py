"""Which recipes teach a small encoder the axes of the blob world?

A recipe is a set of settings with a name; ``softaxes toy train --recipe R --seed S --out RUN`` runs one.

    original        the article's law, encoder, optimiser and loss, 5000 steps of 1024 triplets
    original-jepa   the same with 0.2 (LeJEPA(z, z1) + LeJEPA(z, z2)) in the article's form
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from softaxes.axes import fit_axes
from softaxes.blobs import KINDS, blob_triplets
from softaxes.factorization import SoftFactorization
from softaxes.lejepa import lejepa
from softaxes.model import Model, Part
from softaxes.train import Batch, Machine, train

Recipe = Literal["original", "original-jepa"]


@dataclass(frozen=True)
class ToyConfig:
    """Settings of a toy run; with the seed they decide every weight.

    Attributes:
        recipe: the name that the settings go by.
        steps, batch: optimiser steps and anchors in each.
        learning_rate: of Adam, constant.
        jepa: weight of the LeJEPA term.
        seed: of everything random.
    """

    recipe: str = "original"
    steps: int = 5000
    batch: int = 1024
    learning_rate: float = 4e-3
    jepa: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be >= {least}, got {getattr(self, name)}")


RECIPES: dict[str, ToyConfig] = {
    "original": ToyConfig(),
    "original-jepa": ToyConfig(recipe="original-jepa", steps=10_000, jepa=0.2),
}


class ToyTask:
    """Triplets of the article's law to batches to losses."""

    name = "toy"
    clip_norm: float | None = None

    def __init__(self, config: ToyConfig) -> None:
        self.config, self.steps = config, config.steps
        self.encoder = Part("PooledConvEncoder", {"dim": 16})
        self.factorization = SoftFactorization(KINDS, floor=1e-8)

    def build_model(self) -> nn.Module:
        return self.encoder.build().to(memory_format=torch.channels_last)

    def configure_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(model.parameters(), lr=self.config.learning_rate)

    def learning_rate(self, step: int) -> float:
        return self.config.learning_rate

    def batch(self, step: int) -> Batch:
        drawn = blob_triplets(self.config.batch, seed=self.config.seed * 1_000_003 + step)
        return {"anchor": drawn.anchor, "views": drawn.views, "kind": drawn.kind, "amount": drawn.amount}

    def latents(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Latents of the anchors (B, D) and of the views (B, V, D), in one forward pass."""
        views = batch["views"]
        z = model(torch.cat([batch["anchor"], views.flatten(0, 1)])).float()
        anchor, rest = z[: len(views)], z[len(views) :]
        return anchor, rest.unflatten(0, views.shape[:2])

    def loss(self, model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        anchor, views = self.latents(model, batch)
        within = self.factorization(anchor=anchor, views=views, kind=batch["kind"], amount=batch["amount"]).total
        return {"loss": within, "within": within}

    def finish(self, model: nn.Module) -> Model:
        """Fit the axes on fresh training blobs."""
        drawn = blob_triplets(4096, seed=self.config.seed * 1_000_003 + self.steps)
        with torch.inference_mode():
            anchor, views = self.latents(model, drawn._asdict())
        axes = fit_axes(
            anchor=anchor.clone(),
            views=views.clone(),
            kind=drawn.kind,
            amount=drawn.amount,
            kinds=KINDS,
            clipped=drawn.clipped,
        )
        finished = Model(self.encoder, axes, (1, 16, 16), card={"task": self.name, "recipe": self.config.recipe})
        finished.encoder.load_state_dict(model.state_dict())
        return finished


def train_toy(recipe: Recipe, *, out: Path, seed: int = 0, machine: Machine = Machine()) -> Path:  # noqa: B008
    """Train an encoder on random blobs.

    Args:
        recipe: which settings.
        out: run folder; a run that was stopped there goes on.
        seed: of everything random.
        machine: where to run.
    """
    return train(ToyTask(replace(RECIPES[recipe], seed=seed)), out, machine)
