"""What does an encoder of music learn, batch by batch?

Each anchor is a window of real music at any place. Its views are delayed by up to ``shift_steps`` steps, real
neighbours stream in; where register is not read off the roll they are transposed too, alone and together. The kinds are
``pitch`` (a line), ``chroma`` (a cycle of 12 that turns with it) and ``metre`` (the cycle that the content is). Terms:

    factorization   differences of views against the law of their kinds (`softaxes.losses.factorization`)
    squared_error   f(T_s x) predicted by rho(s) f(x) (`softaxes.losses.prediction`)
    infonce         the same, as finding the view among all views and anchors of the batch
    notes           the notes of x decoded from f(x)
    steered_notes   those of x moved circularly, all that a window can know, decoded from rho(s) f(x)
    spread, decorrelation, sigreg, pull     how the content is spread (off where the recipe says 0)

Axes stand on the first coordinates of the latent, where the encoder's last map is free to put them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from softaxes.data.music import Windows
from softaxes.geometry.operators import LearnedOperators
from softaxes.losses.factorization import SoftFactorization
from softaxes.losses.notes import note_loss
from softaxes.losses.prediction import predict_infonce, predict_squared_error
from softaxes.losses.sigreg import sigreg
from softaxes.losses.variance import decorrelation_term, scale_term
from softaxes.model.model import Model
from softaxes.model.networks import plain, turning
from softaxes.model.networks.frames import FRAMED, SEMITONE
from softaxes.model.part import Part
from softaxes.training.task import Batch
from softaxes.training.tasks.music.config import NETWORKS, MusicConfig, music_kinds, planes_of
from softaxes.training.tasks.music.views import circularly_moved, training_views

WARMUP_STEPS = 30
NEAR, NEAR_STEPS = 4, 200  # anchors that lie near each other, in windows that begin at every step
STARTING_WINDOWS = 6000  # whose principal components a framed encoder begins with
POSITIVE_WEIGHT = 3.0  # of cells that sound, in the loss of notes


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
        self.steps, self.kinds = int(config.steps or 0), music_kinds(config)
        weights = {name: getattr(config, name) for name in ("within", "across", "size")}
        self.factorization = SoftFactorization(self.kinds, **weights) if any(weights.values()) else None

    def parts(self) -> dict[str, Part]:
        """Encoder and decoder as they are written into the checkpoint."""
        names, takes = NETWORKS[self.config.encoder]
        planes, invariants = planes_of(self.config)
        settings = dataclasses.asdict(self.config) | {"planes": list(planes), "invariants": invariants}
        arguments = {"steps": self.config.window_steps} | {name: settings[name] for name in takes}
        return {role: Part(name, arguments) for role, name in zip(("encoder", "decoder"), names, strict=True)}

    def build_model(self) -> MusicNetwork:
        parts = self.parts()
        operators = LearnedOperators(self.kinds, self.config.dim or 0, step=SEMITONE, learned=False)
        operators.log_step.requires_grad_(not self.config.framed)
        encoder, decoder = parts["encoder"].build(), parts["decoder"].build()
        if self.config.framed:
            start = turning.start_from_components if self.config.encoder == "turning" else plain.start_from_components
            start(encoder, decoder, self._starting_windows())  # type: ignore[arg-type]
        return MusicNetwork(encoder, decoder, operators)

    def _starting_windows(self) -> Tensor:
        rng, number = np.random.default_rng(self.config.seed), len(self.windows)
        return torch.from_numpy(self.windows.center(rng.integers(number, size=STARTING_WINDOWS)))

    def configure_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Weight decay on matrices alone."""
        learned = [p for p in model.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in learned if p.ndim > 1], "weight_decay": 1e-2},
            {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.config.learning_rate or 0.0, fused=True)

    def learning_rate(self, step: int) -> float:
        warmup = min(1.0, (step + 1) / WARMUP_STEPS)
        return (self.config.learning_rate or 0.0) * warmup * (0.51 + 0.49 * math.cos(math.pi * step / self.steps))

    def batch(self, step: int) -> Batch:
        c, rng = self.config, np.random.default_rng((self.config.seed, step))
        return training_views(
            torch.from_numpy(self.windows.rolls(self._draw(rng))),
            rng,
            self.kinds,
            context=self.windows.offset,
            semitones=c.pitch_semitones or 0,
            steps=c.shift_steps,
            views=c.views or 1,
        )

    def _draw(self, rng: np.random.Generator) -> Int[np.ndarray, " B"]:
        """Anchors: places drawn evenly, each with others near it, from which it is hardest to tell apart."""
        size, last = self.config.batch or 0, len(self.windows) - 1
        places = np.repeat(rng.integers(last + 1, size=-(-size // NEAR)), NEAR)[:size]
        return np.clip(places + rng.integers(-NEAR_STEPS, NEAR_STEPS + 1, size=size), 0, last)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        assert isinstance(model, MusicNetwork)
        c, amounts = self.config, batch["amounts"]
        latents = model.encoder(batch["rolls"].flatten(0, 1)).float().unflatten(0, batch["rolls"].shape[:2])
        anchor, views = latents[:, 0], latents[:, 1:]
        predicted = predict_views(model.operators, anchor, amounts)
        terms = {"notes": (c.notes or 0.0) * self._notes(model.decoder, anchor, batch["rolls"][:, 0])}
        if c.steered_notes:
            view = step % views.shape[1]  # views take turns
            moved = circularly_moved(batch["rolls"][:, 0], batch["semitones"][:, view], batch["steps"][:, view])
            terms["steered_notes"] = c.steered_notes * self._notes(model.decoder, predicted[:, view], moved)
        if self.factorization is not None:
            terms["factorization"] = self.factorization(anchor=anchor, views=views, amount=amounts).total
        if c.squared_error:
            terms["squared_error"] = c.squared_error * predict_squared_error(predicted, views, anchor)
        if c.infonce:
            terms["infonce"] = c.infonce * predict_infonce(
                predicted, views, anchor=anchor, temperature=c.temperature or 1.0
            )
        terms |= self._spread(anchor[:, -self._content :], step)
        return terms | {"loss": torch.stack(list(terms.values())).sum()}

    @property
    def _content(self) -> int:
        """How many of the last coordinates are content: the planes that turn with metre, and the invariants."""
        return (self.config.dim or 0) - FRAMED

    def _spread(self, content: Tensor, step: int) -> dict[str, Tensor]:
        c, terms = self.config, {}
        if c.spread:
            terms["spread"] = c.spread * scale_term(content)
        if c.decorrelation:
            terms["decorrelation"] = c.decorrelation * decorrelation_term(content)
        if c.sigreg:
            terms["sigreg"] = c.sigreg * sigreg(content, step=step) / len(content)
        if c.pull:
            terms["pull"] = c.pull * content.square().sum(1).mean()
        return terms

    def _notes(self, decoder: nn.Module, z: Tensor, rolls: Tensor) -> Tensor:
        """The notes of ``rolls`` from latents with noise; none reaches a register that is read off the roll."""
        noise = (self.config.noise or 0.0) * torch.randn_like(z)
        noise[:, 0] *= not self.config.framed
        return note_loss(decoder(z + noise), rolls, positive_weight=POSITIVE_WEIGHT)

    def finish(self, model: nn.Module) -> Model:
        """The axes as they were trained, and the decoder's threshold tuned on validation windows."""
        assert isinstance(model, MusicNetwork)
        parts, shape = self.parts(), (2, 128, self.config.window_steps)
        axes = model.operators.fitted(torch.zeros(self.config.dim or 0))
        finished = Model(parts["encoder"], axes, shape, decoder=parts["decoder"], card=self.card)
        finished.encoder.load_state_dict(model.encoder.state_dict())
        finished.decoder.load_state_dict(model.decoder.state_dict())  # type: ignore[union-attr]
        rng, number = np.random.default_rng(self.config.seed), len(self.validation)
        which = np.sort(rng.choice(number, size=min(2000, number), replace=False))
        finished.threshold = best_threshold(finished, self.validation.center(which))
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
