"""What does an encoder of music learn, batch by batch?

Each anchor is a window of real music, moved by up to half an octave so that register is even. Its views:

    running music     pitch +-12 semitones | metre +-8 steps, real neighbours stream in | both
    isolated motif    pitch | time +-8 steps in silence | both

with the kinds ``pitch`` (line), ``metre`` and ``beat`` (circles of a bar and a beat, moved together) and ``time``
(line). The loss is the soft factorization of these views, their prediction by operators, a floor under the spread of
the content (axes projected out) that keeps it from collapsing, and the notes themselves, decoded from f(x) and from
op(f(x)).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from softaxes.data.music import Windows
from softaxes.geometry.fit import fit_axes
from softaxes.geometry.kinds import Circle
from softaxes.geometry.operators import LearnedOperators
from softaxes.losses.factorization import SoftFactorization
from softaxes.losses.notes import note_loss
from softaxes.losses.prediction import predict_infonce, predict_squared_error
from softaxes.losses.variance import decorrelation_term, scale_term
from softaxes.model.model import Model
from softaxes.model.part import Part
from softaxes.training.task import Batch
from softaxes.training.tasks.music.config import MusicConfig, music_kinds, networks_of
from softaxes.training.tasks.music.views import hide_rectangles, training_views


class MusicNetwork(nn.Module):
    """What is trained together: encoder, decoder, operators."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, operators: LearnedOperators) -> None:
        super().__init__()
        self.encoder, self.decoder, self.operators = encoder, decoder, operators


class MusicTask:
    """Windows to batches to losses; see the module. ``train_windows`` carry ``shift_steps`` of context."""

    name = "music"
    clip_norm: float | None = 1.0

    def __init__(
        self,
        config: MusicConfig,
        train_windows: Windows,
        validation_windows: Windows | None = None,
        card: Mapping[str, Any] | None = None,
    ) -> None:
        if train_windows.offset < config.shift_steps:
            need = f"`train_windows` must carry {config.shift_steps} steps of context"
            raise ValueError(f"{need}, got {train_windows.offset}")
        if len(train_windows) == 0:
            raise ValueError("`train_windows` must hold at least one window, got none")
        self.config, self.windows, self.card = config, train_windows, dict(card or {})
        self.validation = train_windows if validation_windows is None else validation_windows
        self.steps, self.kinds = config.steps, music_kinds(config)
        self.factorization = SoftFactorization(self.kinds, within=config.within, across=config.across, size=config.size)

    def parts(self) -> dict[str, Part]:
        """Encoder and decoder as they are written into the checkpoint."""
        c, bar = self.config, self.config.window_steps // self.config.bars
        settings = dataclasses.asdict(c) | {
            "steps": c.window_steps,
            "periods": [int(kind.period) for kind in self.kinds if isinstance(kind, Circle)],
            "period": bar,
            "harmonics": (1, max(1, bar // c.steps_per_beat)),
        }
        return {
            role: Part(network, {name: settings[name] for name in takes})
            for role, (network, takes) in networks_of(c).items()
        }

    def build_model(self) -> MusicNetwork:
        parts = self.parts()
        operators = LearnedOperators(self.kinds, self.config.dim)
        return MusicNetwork(parts["encoder"].build(), parts["decoder"].build(), operators)

    def configure_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(model.parameters(), lr=self.config.learning_rate, weight_decay=1e-2, fused=True)

    def learning_rate(self, step: int) -> float:
        warmup = min(1.0, (step + 1) / 50)
        return self.config.learning_rate * warmup * (0.51 + 0.49 * math.cos(math.pi * step / self.steps))

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self.config.seed, step))
        which = rng.integers(len(self.windows), size=self.config.batch)
        return self.views(torch.from_numpy(self.windows.rolls(which)), rng)

    def views(self, wide: Tensor, rng: np.random.Generator, isolated: float | None = None) -> dict[str, Tensor]:
        """See `training_views`; ``isolated`` other than the config's."""
        c = self.config
        return training_views(
            wide,
            rng,
            self.kinds,
            context=self.windows.offset,
            semitones=c.pitch_semitones,
            steps=c.shift_steps,
            law=c.shift_law,
            isolated=c.isolated if isolated is None else isolated,
        )

    def loss(self, model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        assert isinstance(model, MusicNetwork)
        c, amounts = self.config, batch["amounts"]
        latents = model.encoder(batch["rolls"].flatten(0, 1)).float().unflatten(0, batch["rolls"].shape[:2])
        anchor, views = latents[:, 0], latents[:, 1:]
        factorized = self.factorization(anchor=anchor, views=views, amount=amounts)
        predicted = predict_views(model.operators, anchor, amounts)
        content, running = model.operators.content(anchor), ~batch["lone"]
        terms = {
            "factorization": factorized.total,
            "squared_error": c.squared_error * predict_squared_error(predicted, views, anchor),
            "infonce": c.infonce * predict_infonce(predicted, views, temperature=c.temperature),
            "spread": c.spread * scale_term(content, used=running),
            "decorrelation": c.decorrelation * decorrelation_term(content, used=running),
            "notes": c.notes * self._notes(model.decoder, anchor, predicted, batch["rolls"]),
        }
        if c.masked:
            terms["masked"] = c.masked * self._masked(model, batch["rolls"][:, 0])
        return terms | {"loss": torch.stack(list(terms.values())).sum()}

    def _masked(self, model: MusicNetwork, rolls: Tensor) -> Tensor:
        """The notes of whole windows, decoded from what is left when a rectangle of each is hidden."""
        return note_loss(model.decoder(model.encoder(hide_rectangles(rolls)).float()), rolls)

    def _notes(self, decoder: nn.Module, anchor: Tensor, predicted: Tensor, rolls: Tensor) -> Tensor:
        """The notes of the anchor from f(x), and those of its transposition from op(f(x))."""
        return note_loss(decoder(torch.cat([anchor, predicted[:, 0]])), torch.cat([rolls[:, 0], rolls[:, 1]]))

    def finish(self, model: nn.Module) -> Model:
        """Fit the axes on training windows and tune the decoder's threshold on validation windows."""
        assert isinstance(model, MusicNetwork)
        rng = np.random.default_rng(self.config.seed)
        which = rng.choice(len(self.windows), size=min(2000, len(self.windows)), replace=False)
        batch = self.views(torch.from_numpy(self.windows.rolls(np.sort(which))), rng, isolated=0.25)
        with torch.inference_mode():
            rows = [model.encoder(part.flatten(0, 1)).float() for part in batch["rolls"].split(128)]
        latents = torch.cat(rows).unflatten(0, batch["rolls"].shape[:2]).clone()
        axes = fit_axes(anchor=latents[:, 0], views=latents[:, 1:], amount=batch["amounts"], kinds=self.kinds)
        parts, shape = self.parts(), (2, 128, self.config.window_steps)
        finished = Model(parts["encoder"], axes, shape, decoder=parts["decoder"], card=self.card)
        finished.encoder.load_state_dict(model.encoder.state_dict())
        finished.decoder.load_state_dict(model.decoder.state_dict())  # type: ignore[union-attr]
        finished.threshold = best_threshold(finished, self.validation.center(slice(2000)))
        return finished


def best_threshold(model: Model, windows: np.ndarray) -> float:
    """The probability, on a grid of .05, from which decoded onsets of ``windows`` have the best F1."""
    probability = model.decode(model.encode(windows))[:, 0].numpy()
    truth = windows[:, 0] > 0
    grid = [round(0.05 * i, 2) for i in range(1, 20)]
    scores = []
    for threshold in grid:
        guess = probability >= threshold
        scores.append(2 * (guess & truth).sum() / max(1, guess.sum() + truth.sum()))
    return grid[int(np.argmax(scores))]


def predict_views(
    operators: LearnedOperators, anchor: Float[Tensor, "B D"], amounts: Float[Tensor, "B V K"]
) -> Float[Tensor, "B V D"]:
    """What the operators say of each view of an anchor."""
    repeated = anchor[:, None].expand(-1, amounts.shape[1], -1)
    return operators(repeated.flatten(0, 1), amounts.flatten(0, 1)).unflatten(0, amounts.shape[:2])
