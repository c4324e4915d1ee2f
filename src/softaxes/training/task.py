"""What must a task say so that `softaxes.training.loop` can train it? The protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from softaxes.model.model import Model

Batch = Mapping[str, Tensor]


class Task(Protocol):
    """What to learn. Nothing but these decides a weight: what is random in them is a function of seed and step."""

    @property
    def name(self) -> str:
        """The kind of task, a word of ``config.json``."""
        ...

    @property
    def config(self) -> Any:
        """A frozen dataclass with an integer ``seed``; a run is resumed only under an equal one."""
        ...

    @property
    def steps(self) -> int:
        """Optimizer steps, >= 0."""
        ...

    @property
    def clip_norm(self) -> float | None:
        """Largest norm of the gradient; None leaves it alone."""
        ...

    def build_model(self) -> nn.Module:
        """The network to train, freshly initialised from torch's global generator."""
        ...

    def configure_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """An optimizer for ``model``.

        `learning_rate`, times a group's "share" if it has one, is its rate at every step; 0 from its step "until" on.
        """
        ...

    def learning_rate(self, step: int) -> float:
        """Rate of step 0, 1, ..., steps - 1."""
        ...

    def batch(self, step: int) -> Batch:
        """The batch of all processes, on the CPU; every tensor's first dimension is the batch."""
        ...

    def loss(self, model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        """Scalar terms of the loss on a process's share of the batch; ``"loss"`` is the one to descend."""
        ...

    def finish(self, model: nn.Module) -> Model:
        """Fit the axes on training data and make the model to save.

        Called in one process only, with ``model`` on the CPU and in evaluation mode.
        """
        ...
