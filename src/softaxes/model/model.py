"""What does one do with a trained encoder? Encode, steer by name, decode.

A `Model` is an encoder with fitted axes, and a decoder where one was trained. ``softaxes.load`` makes one from a
shipped checkpoint or a run folder. Inputs may be numpy arrays or tensors; results are float32 CPU tensors, without
gradients, and are computed in float32 from weights of any type (``model.half()`` rounds weights and nothing else).
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor, nn

from softaxes.geometry.axes import Axes
from softaxes.model.part import Part

Precision = Literal["fp32", "bf16"]
ROLL_SHAPE = (2, 128)  # onset and sustain of all MIDI pitches; steps follow


class Model(nn.Module):
    """An encoder with named axes.

    Attributes:
        axes: the fitted axes by kind, e.g. ``model.axes["pitch"]``.
        input_shape: shape of one input without the batch, e.g. (2, 128, 32) or (1, 16, 16).
        threshold: probability from which the decoder's notes count; tuned on validation songs.
        card: what is known of the model: data, split, settings, figures.
        parts: how the networks were built, by role ("encoder", "decoder").

    Raises:
        ValueError: no axes, networks that cannot be built, or a threshold outside 0..1.
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
        if not axes:
            raise ValueError("`axes` must hold at least one axis, got none")
        if not 0 <= threshold <= 1:
            raise ValueError(f"`threshold` must be a probability, 0..1, got {threshold}")
        self.parts = {"encoder": encoder} | ({"decoder": decoder} if decoder else {})
        self.encoder = encoder.build()
        self.decoder = decoder.build() if decoder else None
        self.axes, self.input_shape, self.threshold = axes, tuple(input_shape), threshold
        self.card = dict(card or {})
        self.eval()

    @property
    def window_steps(self) -> int:
        """Length of a window in steps: its last dimension."""
        return self.input_shape[-1]

    def digest(self) -> str:
        """SHA-256 of the encoder's weights and the axes: equal for models that give equal latents and shifts."""
        digest = hashlib.sha256(repr(self.axes.kinds).encode())
        for name, tensor in sorted({**self.encoder.state_dict(), **self.axes.state()}.items()):
            digest.update(name.encode() + tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:32]

    @property
    def axes_dim(self) -> int:
        """Latent size D."""
        return int(next(iter(self.axes.values())).basis.shape[-1])

    @torch.no_grad()
    def encode(
        self, windows: ArrayLike | Tensor, *, batch: int = 512, precision: Precision = "fp32"
    ) -> Float[Tensor, "B D"]:
        """Latents of ``windows`` (B, *input_shape), ``batch`` at a time.

        ``precision`` "bf16" multiplies in bfloat16: about twice as fast on processors that know it, and off by some
        thousandths of a latent's length. Axes are moved along in float32 always.

        Raises:
            ValueError: another shape, NaN, or for a model of piano rolls values outside 0..1 (velocities, say).
        """
        x = _numbers("windows", windows)
        if x.ndim != len(self.input_shape) + 1 or tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(f"`windows` must have shape (B, {_commas(self.input_shape)}), got {tuple(x.shape)}")
        if self.input_shape[:2] == ROLL_SHAPE and len(x) and not (x.min() >= 0 and x.max() <= 1):
            span = f"{float(x.min()):g}..{float(x.max()):g}"
            raise ValueError(f"`windows` must hold 0 where nothing sounds and 1 where a note does, got {span}")
        return self._in_batches(self.encoder, x, batch, (self.axes_dim,), precision)

    @torch.no_grad()
    def steer(self, z: ArrayLike | Tensor, /, **amounts: float | ArrayLike | Tensor) -> Float[Tensor, "B D"]:
        """``z`` (B, D) moved along the named axes: ``model.steer(z, pitch=+3, metre=-4)``.

        An amount is a real number, or one per row: half a step turns half-way. What follows a named kind turns with it.

        Raises:
            ValueError: an unknown kind, a non-finite amount or latent, or shapes that do not fit.
        """
        z = self._latents(z)
        checked = {name: _numbers(name, amount).float() for name, amount in amounts.items()}
        for name, amount in checked.items():
            if amount.ndim > 1 or (amount.ndim == 1 and len(amount) != len(z)):
                raise ValueError(
                    f"`{name}` must be a number or one per row ({len(z)}), got shape {tuple(amount.shape)}"
                )
        return self.axes.shift(z, **checked)

    @torch.no_grad()
    def blend(
        self, z: ArrayLike | Tensor, other: ArrayLike | Tensor, share: float = 0.5, *, keep: Sequence[str] | None = None
    ) -> Float[Tensor, "B D"]:
        """``z`` (B, D) with ``share`` of the way to the content of ``other`` (B, D), staying in place on the axes.

        ``keep`` names the axes on which nothing moves: all by default, ``("pitch",)`` for the register alone, ``()``
        for a straight line between the two.

        Raises:
            ValueError: an unknown kind, a share outside 0..1, or latents that are not finite or do not fit.
        """
        z, other = self._latents(z), self._latents(other, "other")
        if z.shape != other.shape:
            raise ValueError(f"`other` must have shape {tuple(z.shape)} as `z` does, got {tuple(other.shape)}")
        if not 0 <= share <= 1:
            raise ValueError(f"`share` must lie in 0..1, got {share}")
        names = tuple(self.axes) if keep is None else (keep,) if isinstance(keep, str) else tuple(keep)
        step = self.axes.remove(other, *names) - self.axes.remove(z, *names) if names else other - z
        return z + share * step

    @torch.no_grad()
    def decode(
        self, z: ArrayLike | Tensor, *, batch: int = 512, precision: Precision = "fp32"
    ) -> Float[Tensor, "B ..."]:
        """Probabilities in the shape of the windows; ValueError if this model has no decoder."""
        if self.decoder is None:
            raise ValueError("this model has no decoder: `softaxes train` trains models that have one")
        return torch.sigmoid(self._in_batches(self.decoder, self._latents(z), batch, self.input_shape, precision))

    def _latents(self, z: ArrayLike | Tensor, name: str = "z") -> Tensor:
        z = _numbers(name, z).float()
        if z.ndim != 2 or z.shape[1] != self.axes_dim:
            raise ValueError(f"`{name}` must have shape (B, {self.axes_dim}), got {tuple(z.shape)}")
        return z

    def _in_batches(
        self, network: nn.Module, x: Tensor, batch: int, shape: tuple[int, ...], precision: Precision
    ) -> Tensor:
        """``network`` over the rows of ``x``, on the network's device; (len(x), *shape) on the CPU."""
        if batch < 1:
            raise ValueError(f"`batch` must be >= 1, got {batch}")
        if precision not in get_args(Precision):
            raise ValueError(f"`precision` must be one of {', '.join(get_args(Precision))}, got {precision!r}")
        if len(x) == 0:
            return torch.zeros(0, *shape, dtype=torch.float32)
        device = next((p.device for p in network.parameters()), torch.device("cpu"))
        call = _in_float32(network)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            return torch.cat([call(rows.to(device).float()).float().cpu() for rows in x.split(batch)])


def _in_float32(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """``network`` as it computes with float32 weights, whatever their type and torch's default type are."""
    weights = dict(itertools.chain(network.named_parameters(), network.named_buffers()))
    other = {name: w.float() for name, w in weights.items() if w.is_floating_point() and w.dtype != torch.float32}
    return functools.partial(torch.func.functional_call, network, other) if other else network


def _numbers(name: str, value: ArrayLike | Tensor) -> Tensor:
    """``value`` as a CPU tensor of its own type; TypeError if it holds no real numbers, ValueError if not finite."""
    if not isinstance(value, Tensor):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"`{name}` must hold real numbers, got {array.dtype}")
        value = torch.from_numpy(np.require(array, requirements=["C", "W"]))
    if value.is_complex():
        raise TypeError(f"`{name}` must hold real numbers, got {value.dtype}")
    if value.is_floating_point() and not bool(torch.isfinite(value.float()).all()):
        raise ValueError(f"`{name}` must be finite, got NaN or infinity")
    return value.detach().cpu()


def _commas(shape: tuple[int, ...]) -> str:
    return ", ".join(str(n) for n in shape)
