"""What does one do with a trained encoder? Encode, steer by name, decode.

A `Model` is an encoder with fitted axes, and a decoder where one was trained. ``softaxes.load`` makes one from a
shipped checkpoint or a run folder. Inputs may be numpy arrays or tensors; results are float32 CPU tensors, without
gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor, nn

from softaxes import decoders, encoders
from softaxes.axes import Axes


@dataclass(frozen=True)
class Part:
    """A network as it is written down: the name of its class and the arguments that build it."""

    network: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """The network, freshly initialised."""
        for module in (encoders, decoders):
            found = getattr(module, self.network, None)
            if isinstance(found, type) and issubclass(found, nn.Module):
                return found(**self.arguments)
        raise ValueError(f"unknown network {self.network!r}: this checkpoint is from another version of softaxes")


class Model(nn.Module):
    """An encoder with named axes.

    Attributes:
        axes: the fitted axes by kind, e.g. ``model.axes["pitch"]``.
        input_shape: shape of one input without the batch, e.g. (2, 128, 32) or (1, 16, 16).
        window_steps: length of a window in steps (its last dimension).
        threshold: probability from which the decoder's notes count; tuned on validation songs.
        card: what is known of the model: data, split, settings, figures.
    """

    def __init__(
        self,
        encoder: Part,
        axes: Axes,
        input_shape: tuple[int, ...],
        *,
        decoder: Part | None = None,
        threshold: float = 0.5,
        card: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.parts = {"encoder": encoder} | ({"decoder": decoder} if decoder else {})
        self.encoder = encoder.build()
        self.decoder = decoder.build() if decoder else None
        self.axes, self.input_shape, self.threshold = axes, tuple(input_shape), threshold
        self.card = dict(card or {})
        self.eval()

    @property
    def window_steps(self) -> int:
        return self.input_shape[-1]

    @torch.inference_mode()
    def encode(self, windows: ArrayLike | Tensor, *, batch: int = 512) -> Float[Tensor, "B D"]:
        """Latents of ``windows`` (B, *input_shape), ``batch`` at a time; ValueError on another shape or NaN."""
        x = torch.as_tensor(np.asarray(windows) if not isinstance(windows, Tensor) else windows)
        if x.ndim != len(self.input_shape) + 1 or tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(f"`windows` must have shape (B, {_commas(self.input_shape)}), got {tuple(x.shape)}")
        if x.is_floating_point() and not bool(torch.isfinite(x).all()):
            raise ValueError("`windows` must be finite, got NaN or infinity")
        rows = [self.encoder(part.float()) for part in x.split(batch)] if len(x) else []
        return torch.cat(rows).float() if rows else torch.zeros(0, self.axes_dim)

    @property
    def axes_dim(self) -> int:
        """Latent size D."""
        return int(next(iter(self.axes.values())).basis.shape[-1])

    @torch.inference_mode()
    def steer(self, z: ArrayLike | Tensor, **amounts: float | Tensor) -> Float[Tensor, "B D"]:
        """``z`` (B, D) moved along the named axes: ``model.steer(z, pitch=+3, metre=-4)``.

        Raises:
            ValueError: an unknown kind, a non-finite amount or latent, or a latent of another size.
        """
        z = self._latents(z)
        for name, amount in amounts.items():
            value = torch.as_tensor(amount, dtype=torch.float32)
            if not bool(torch.isfinite(value).all()):
                raise ValueError(f"`{name}` must be finite, got {amount}")
            if value.ndim > 1 or (value.ndim == 1 and len(value) != len(z)):
                raise ValueError(f"`{name}` must be a number or one per row ({len(z)}), got shape {tuple(value.shape)}")
        return self.axes.shift(z, **amounts)

    @torch.inference_mode()
    def decode(self, z: ArrayLike | Tensor, *, batch: int = 512) -> Float[Tensor, B * shape]:
        """Probabilities of the shape of the windows. ValueError if this model has no decoder."""
        if self.decoder is None:
            raise ValueError("this model has no decoder: train one with `softaxes train --decoder`")
        z = self._latents(z)
        rows = [torch.sigmoid(self.decoder(part)) for part in z.split(batch)]
        return torch.cat(rows).float() if rows else torch.zeros(0, *self.input_shape)

    def _latents(self, z: ArrayLike | Tensor) -> Tensor:
        z = torch.as_tensor(np.asarray(z) if not isinstance(z, Tensor) else z).float()
        if z.ndim != 2 or z.shape[1] != self.axes_dim:
            raise ValueError(f"`z` must have shape (B, {self.axes_dim}), got {tuple(z.shape)}")
        if not bool(torch.isfinite(z).all()):
            raise ValueError("`z` must be finite, got NaN or infinity")
        return z


def _commas(shape: tuple[int, ...]) -> str:
    return ", ".join(str(n) for n in shape)
