"""How many notes does a code of D floats keep, beside other codes of the same size?

Three codes to compare with, on the same windows:

    PCA            the first D principal components of the windows, decoded linearly
    autoencoder    the same networks, trained on the notes alone
    beta-VAE       the same networks; the encoder gives mean and log variance, the loss is
                   -log p(x | z) + beta KL(q(z | x) | N(0, I))                     (Higgins et al. 2017, eq. 4)

A code is anything with ``dim``, ``encode`` and ``decode``; `ModelCode` makes one of a `Model`. All are judged alike:
the threshold is tuned on validation windows, F1 is counted on windows of songs held out, with intervals over songs.
Networks come as factories that take a size, so that none is named here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.notes import f1_of_means, frame_counts, note_counts
from softaxes.losses.notes import note_loss
from softaxes.model.model import Model

Rolls = Float[Tensor, "n 2 128 steps"]
Factory = Callable[[int], nn.Module]  # a network for latents of so many floats
NoteLoss = Callable[[Tensor, Tensor], Tensor]  # logits, rolls -> loss a sounding cell
GRID = tuple(round(0.05 * i, 2) for i in range(1, 20))
CHUNK = 512


class Code(Protocol):
    """Windows to ``dim`` floats and back."""

    dim: int

    def encode(self, rolls: Tensor) -> Tensor:
        """(n, 2, 128, steps) to (n, dim)."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """(n, dim) to (n, 2, 128, steps) in 0..1."""
        ...


class PCACode:
    """Principal components of windows; see `fit_pca`. ``decode`` clips to 0..1."""

    def __init__(self, mean: Tensor, components: Float[Tensor, "dim pixels"], shape: tuple[int, ...]) -> None:
        self.mean, self.components, self.shape = mean, components, shape
        self.dim = len(components)

    def encode(self, rolls: Tensor) -> Tensor:
        return torch.cat([(part.flatten(1).float() - self.mean) @ self.components.T for part in rolls.split(CHUNK)])

    def decode(self, z: Tensor) -> Tensor:
        return (z @ self.components + self.mean).clamp(0, 1).reshape(-1, *self.shape)


def fit_pca(rolls: Tensor, dim: int, *, seed: int = 0, rounds: int = 4) -> PCACode:
    """The first ``dim`` principal components, by randomised subspace iteration (Halko, Martinsson & Tropp 2011).

    Rows are read in chunks: nothing of the size of all pixels squared, nor all windows as floats, is ever held.

    Raises:
        ValueError: ``dim`` is not between 1 and the number of windows and of pixels.
    """
    pixels = rolls[0].numel() if len(rolls) else 0
    if not 1 <= dim <= min(len(rolls), pixels):
        raise ValueError(f"`dim` must lie in 1..{min(len(rolls), pixels)} for {len(rolls)} windows, got {dim}")
    mean = torch.stack([part.flatten(1).float().sum(0) for part in rolls.split(CHUNK)]).sum(0) / len(rolls)
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn(pixels, min(dim + 16, pixels), generator=generator)
    for _ in range(rounds):
        basis = torch.linalg.qr(_covariance_times(rolls, mean, basis)).Q
    small = basis.T @ _covariance_times(rolls, mean, basis)
    _, vectors = torch.linalg.eigh((small + small.T) / 2)
    return PCACode(mean, (basis @ vectors.flip(1)[:, :dim]).T.contiguous(), tuple(rolls.shape[1:]))


def _covariance_times(rolls: Tensor, mean: Tensor, basis: Tensor) -> Tensor:
    total = torch.zeros_like(basis)
    for part in rolls.split(CHUNK):
        centred = part.flatten(1).float() - mean
        total += centred.T @ (centred @ basis)
    return total / len(rolls)


@dataclass(frozen=True)
class CodeTraining:
    """How an autoencoder is trained. ``beta`` 0: a plain one; > 0: a beta-VAE, whose encoder gives twice ``dim``.

    Attributes:
        steps, batch: optimiser steps and windows in each.
        learning_rate: of AdamW, up over 50 steps and down a cosine.
        beta: weight of the divergence in nats, against the nats of the notes.
        bf16: multiply in bfloat16.
        seed: of weights and batches.
    """

    steps: int = 2000
    batch: int = 256
    learning_rate: float = 1e-3
    beta: float = 0.0
    bf16: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch", 1), ("seed", 0), ("beta", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be >= {least}, got {getattr(self, name)}")
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"`learning_rate` must lie between 0 and 1, got {self.learning_rate}")


class NetworkCode:
    """A trained encoder and decoder. Of a VAE, ``encode`` gives the means."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, dim: int) -> None:
        self.encoder, self.decoder, self.dim = encoder.eval(), decoder.eval(), dim

    @torch.no_grad()
    def encode(self, rolls: Tensor) -> Tensor:
        return torch.cat([self.encoder(part.float()).float()[:, : self.dim] for part in rolls.split(CHUNK)])

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        return torch.cat([torch.sigmoid(self.decoder(part).float()) for part in z.split(CHUNK)])


def train_code(
    rolls: Tensor,
    dim: int,
    *,
    encoder: Factory,
    decoder: Factory,
    training: CodeTraining = CodeTraining(),
    loss: NoteLoss = note_loss,
) -> NetworkCode:
    """Train an autoencoder, or with ``training.beta`` a beta-VAE, on windows.

    Args:
        rolls: (n, 2, 128, steps) of 0 and 1.
        dim: floats of the code.
        encoder, decoder: called with the size of their output and input.
        loss: of logits and rolls, a sounding cell; the divergence is counted in the same unit.

    Raises:
        ValueError: no windows, or a loss that became NaN.
    """
    if len(rolls) == 0:
        raise ValueError("`rolls` must hold at least one window, got none")
    variational = training.beta > 0
    torch.manual_seed(training.seed)
    networks = nn.ModuleList([encoder(2 * dim if variational else dim), decoder(dim)])
    optimizer = torch.optim.AdamW(networks.parameters(), lr=training.learning_rate, weight_decay=1e-2)
    rng = np.random.default_rng(training.seed)
    for step in range(training.steps):
        for group in optimizer.param_groups:
            group["lr"] = _rate(training, step)
        x = rolls[torch.from_numpy(rng.integers(len(rolls), size=training.batch))].float()
        with torch.autocast("cpu", torch.bfloat16, enabled=training.bf16):
            code = networks[0](x).float()
            z, nats = _sample(code, dim) if variational else (code, torch.zeros(()))
            logits = networks[1](z)
        total = loss(logits, x) + training.beta * nats / x.sum().clamp_min(1)
        if not bool(torch.isfinite(total)):
            raise ValueError(f"the loss became {float(total.detach())} at step {step}: lower `learning_rate`")
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
        optimizer.step()
    return NetworkCode(networks[0], networks[1], dim)


def _sample(code: Float[Tensor, "B 2dim"], dim: int) -> tuple[Float[Tensor, "B dim"], Tensor]:
    """A draw from the encoder's Gaussian, and its divergence from N(0, I) in nats, summed over the batch."""
    mean, log_variance = code[:, :dim], code[:, dim:].clamp(-12, 8)
    nats = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
    return mean + (0.5 * log_variance).exp() * torch.randn_like(mean), nats


def _rate(training: CodeTraining, step: int) -> float:
    warm = min(1.0, (step + 1) / 50)
    return training.learning_rate * warm * (0.51 + 0.49 * math.cos(math.pi * step / training.steps))


class ModelCode:
    """A `Model` as a code."""

    def __init__(self, model: Model) -> None:
        self.model, self.dim = model, model.axes_dim

    def encode(self, rolls: Tensor) -> Tensor:
        return self.model.encode(rolls)

    def decode(self, z: Tensor) -> Tensor:
        return self.model.decode(z)


@dataclass(frozen=True)
class RatePoint:
    """What a code of ``dim`` floats keeps of held-out windows. F1 with 95 % intervals over songs.

    ``note_f1``: onsets at the right step and pitch; ``note_f1_near``: within one step; ``frame_f1``: sounding cells.
    """

    method: str
    dim: int
    seed: int
    threshold: float
    note_f1: float
    note_f1_low: float
    note_f1_high: float
    note_f1_near: float
    note_f1_near_low: float
    note_f1_near_high: float
    frame_f1: float
    frame_f1_low: float
    frame_f1_high: float
    windows: int
    songs: int

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return asdict(self)


def rate_point(
    code: Code, validation: Tensor, test: Tensor, song: NDArray[Any], *, method: str, seed: int = 0, draws: int = 1000
) -> RatePoint:
    """Judge a code: threshold by note F1 on ``validation``, figures on ``test``, intervals over ``song`` (n,)."""
    threshold = best_threshold(code, validation)
    true = (test > 0).numpy()
    guess = np.concatenate(
        [(code.decode(code.encode(part)) >= threshold).numpy() for part in test.split(CHUNK)]
        or [np.zeros(true.shape, dtype=bool)]
    )
    bootstrap = Bootstrap(song, n=draws)
    figures: dict[str, float] = {}
    for name, counts in (
        ("note_f1", note_counts(true, guess)),
        ("note_f1_near", note_counts(true, guess, tolerance_steps=1)),
        ("frame_f1", frame_counts(true, guess)),
    ):
        low, high = bootstrap.interval(counts.values, statistic=f1_of_means)
        figures |= {name: counts.f1, f"{name}_low": low, f"{name}_high": high}
    return RatePoint(
        method, code.dim, seed, threshold, windows=len(test), songs=len(np.unique(song)), **figures
    )  # fmt: skip


def best_threshold(code: Code, windows: Tensor) -> float:
    """The probability, on a grid of .05, from which decoded onsets of ``windows`` have the best F1."""
    hits, found, there = np.zeros(len(GRID)), np.zeros(len(GRID)), 0
    for part in windows.split(CHUNK):
        true, probability = part[:, 0] > 0, code.decode(code.encode(part))[:, 0]
        there += int(true.sum())
        for index, threshold in enumerate(GRID):
            guess = probability >= threshold
            hits[index] += int((guess & true).sum())
            found[index] += int(guess.sum())
    return GRID[int(np.argmax(2 * hits / np.maximum(found + there, 1)))]
