"""How is an `AlignedEncoder` taught? In three stages, each a share of the steps:

    canonicalization   the poses: a window and its view must have the same pose once the known shift is undone, rows by
                       semitones and bar lines by steps, whatever has streamed in
    coding             both networks start from principal components of the canonical features (`start_from_music`),
                       and learn the terms of `softaxes.training.tasks.music.task`; canonicalization stays as it is
    decoder            the encoder is frozen and the decoder alone goes on, on every window and view (a representation
                       autoencoder)

Terms more than `softaxes.training.tasks.music.task`:

    equivariance            -log of the probability that two windows have the same pose, the shift undone
                            (canonicalization)
    bar                     cross entropy of the bar line itself, which the corpus knows: windows are cut there. It only
                            says from which of the places that would serve a circle is counted, and fades in the first
                            half of canonicalization
    content_orthogonality   mean square of what the code of the content puts on the operators' axes (coding)

and two terms are read otherwise. A view into which neighbours streamed has new content, so its difference is more than
its shift: the cosines leave it out as they leave out clipped views, and the squared error of the operators is that on
the axes alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.losses.factorization import SoftFactorization
from softaxes.losses.notes import note_loss
from softaxes.losses.prediction import predict_infonce, predict_squared_error
from softaxes.losses.variance import decorrelation_term, scale_term
from softaxes.model.model import Model
from softaxes.model.networks.aligned import AlignedDecoder, AlignedEncoder, straight_through
from softaxes.model.networks.aligned_start import UNIT_LENGTHS, pose_circles, start_from_music, stretch
from softaxes.training.task import Batch
from softaxes.training.tasks.music.task import MusicNetwork, MusicTask, predict_views
from softaxes.training.tasks.music.views import amounts_by_name

STARTING_WINDOWS = 12_000
CANONICALIZATION = tuple(
    f"encoder.{name}" for name in ("row.", "beside", "row_score", "sharpness", "column", "along", "downbeat_score")
)
FIXED = ("encoder.silence", "encoder.time_score")  # as they were made
CANONICALIZATION_RATE, CANONICALIZATION_DECAY = 3e-3, 0.05
CANONICALIZATION_BATCH = 2  # times the anchors: one view of each, and no decoder
POSE = ("operators", "encoder.pose", "register", "waves", "log_sharpness")
POSE_RATE = 0.02  # of the learning rate: everything else depends on these few numbers
WARMUP_STEPS = 150  # the starting point is good: the first steps should not undo it
CONTENT_NOISE = 0.7  # share of the latent noise on the axes that stays away


class AlignedTask(MusicTask):
    """See the module."""

    def __init__(self, config, train_windows, validation_windows=None, card=None) -> None:  # type: ignore[no-untyped-def]
        super().__init__(config, train_windows, validation_windows, card)
        self.factorization = SoftFactorization(
            self.kinds, within=config.within, across=config.across, size=config.size, drop_clipped=True
        )

    @property
    def coding_from(self) -> int:
        """The step from which both networks code and decode."""
        return round(self.config.canonicalization * self.steps)

    @property
    def decoder_from(self) -> int:
        """The step from which only the decoder learns."""
        return round((1 - self.config.frozen) * self.steps)

    def configure_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        stages = ("canonicalization", "fixed", "pose", "encoder", "decoder")
        groups: dict[str, list[nn.Parameter]] = {name: [] for name in stages}
        for name, parameter in model.named_parameters():
            if name.startswith(CANONICALIZATION):
                groups["canonicalization"].append(parameter)
            elif name.startswith(FIXED):
                groups["fixed"].append(parameter)
            elif any(part in name for part in POSE):
                groups["pose"].append(parameter)
            else:
                groups["decoder" if name.startswith("decoder") else "encoder"].append(parameter)
        coding = {"since": self.coding_from, "until": self.decoder_from}
        rows: list[dict[str, Any]] = [
            {"params": groups["canonicalization"], "until": self.coding_from, "weight_decay": CANONICALIZATION_DECAY},
            {"params": groups["fixed"], "until": 0},
            {"params": groups["pose"], "share": POSE_RATE} | coding,
            {"params": groups["encoder"]} | coding,
            {"params": groups["decoder"], "since": self.coding_from},
        ]
        return torch.optim.AdamW(rows, lr=self.config.learning_rate, weight_decay=1e-2, fused=True)

    def learning_rate(self, step: int) -> float:
        """Each stage warms up and goes down a cosine; the decoder stage goes on where coding ends."""
        if step < self.coding_from:
            return CANONICALIZATION_RATE * _warmup(step) * _cosine(step / self.coding_from)
        done = step - self.coding_from
        return self.config.learning_rate * _warmup(done) * _cosine(done / (self.steps - self.coding_from))

    def batch(self, step: int) -> Batch:
        """Canonicalization is cheap: more anchors, all of running music, as nothing streams into silence."""
        if step >= self.coding_from:
            return super().batch(step)
        rng = np.random.default_rng((self.config.seed, step))
        which = rng.integers(len(self.windows), size=CANONICALIZATION_BATCH * self.config.batch)
        return self.views(torch.from_numpy(self.windows.rolls(which)), rng, isolated=0.0)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        assert isinstance(model, MusicNetwork) and isinstance(model.encoder, AlignedEncoder)
        if step < self.coding_from:
            return self._canonicalization_loss(model.encoder, batch, step)
        if step == self.coding_from:
            self._start(model)
        if step >= self.decoder_from:
            return self._decoder_loss(model, batch)
        c, amounts = self.config, batch["amounts"]
        by_name = amounts_by_name(self.kinds, amounts)
        number, views_each = batch["rolls"].shape[:2]
        with torch.no_grad():
            canonical = model.encoder.canonicalize(batch["rolls"].flatten(0, 1))
        downbeat = straight_through(canonical.downbeat)
        content = model.encoder.content(canonical, downbeat)
        latents = (content + model.encoder.pose_code(canonical, downbeat)).unflatten(0, (number, views_each))
        anchor, views = latents[:, 0], latents[:, 1:]
        streamed = by_name["metre"] != 0
        predicted = predict_views(model.operators, anchor, amounts)
        basis = model.operators.basis()
        free, running = model.operators.content(anchor), ~batch["lone"]
        on_axes = [z @ basis.T for z in (predicted, views, anchor)]
        terms = {
            "factorization": self.factorization(anchor=anchor, views=views, amount=amounts, clipped=streamed).total,
            "squared_error": c.squared_error * predict_squared_error(*on_axes),
            "infonce": c.infonce * predict_infonce(predicted, views, temperature=c.temperature),
            "spread": c.spread * scale_term(free, used=running),
            "decorrelation": c.decorrelation * decorrelation_term(free, used=running),
            "content_orthogonality": c.content_orthogonality * (content @ basis.T).square().mean(),
        }
        if c.notes:
            chosen = torch.cat([predicted[:, 0], views[:, 2]])
            rolls = torch.cat([batch["rolls"][:, 1], batch["rolls"][:, 3]])
            noisy = chosen + self._noise(chosen, basis.detach())
            terms["notes"] = c.notes * note_loss(model.decoder(noisy), rolls)
        if c.masked:
            terms["masked"] = c.masked * self._masked(model, batch["rolls"][:, 0])
        return terms | {"loss": torch.stack(list(terms.values())).sum()}

    def _decoder_loss(self, model: MusicNetwork, batch: Batch) -> dict[str, Tensor]:
        """The notes of all windows and views, from latents that learn nothing any more."""
        with torch.no_grad():
            rolls = batch["rolls"].flatten(0, 1)
            z = model.encoder(rolls)
            noisy = z + self._noise(z, model.operators.basis())
        notes = self.config.notes * note_loss(model.decoder(noisy), rolls)
        return {"notes": notes, "loss": notes}

    def finish(self, model: nn.Module) -> Model:
        """Lines fitted on training windows, circles where the encoder has the pose in bar and beat."""
        finished = super().finish(model)
        encoder, decoder = finished.encoder, finished.decoder
        assert isinstance(encoder, AlignedEncoder) and isinstance(decoder, AlignedDecoder)
        finished.axes = pose_circles(encoder, decoder, finished.axes)
        if self.config.semitone:
            finished.axes = stretch(encoder, decoder, finished.axes, "pitch", self.config.semitone)
        return finished

    def _canonicalization_loss(self, encoder: AlignedEncoder, batch: Batch, step: int) -> dict[str, Tensor]:
        """The poses of every window and its view moved in time; a shift of pitch alone moves a pose exactly."""
        c, rolls = self.config, batch["rolls"][:, [0, 2]]
        amounts = amounts_by_name(self.kinds, batch["amounts"][:, 1:2])
        canonical = encoder.canonicalize(rolls.flatten(0, 1), autocorrelation=False)
        row, downbeat = (p.unflatten(0, rolls.shape[:2]) for p in (canonical.row, canonical.downbeat))
        delay = (amounts["metre"] + amounts["time"]).long()
        bar = F.pad(delay, (1, 0)).flatten().remainder(canonical.downbeat.shape[1])
        fades = max(0.0, 1 - 2 * step / self.coding_from)
        terms = {
            "equivariance": c.equivariance
            * (equivariance_loss(row, amounts["pitch"].long()) + equivariance_loss(downbeat, delay)),
            "bar": c.bar * fades * F.nll_loss((canonical.downbeat + 1e-6).log(), bar),
        }
        return terms | {"loss": terms["equivariance"] + terms["bar"]}

    @torch.no_grad()
    def _start(self, model: MusicNetwork) -> None:
        """The analytic starting point, from the training windows; the same windows and poses give the same one."""
        assert isinstance(model.encoder, AlignedEncoder) and isinstance(model.decoder, AlignedDecoder)
        rng = np.random.default_rng(self.config.seed)
        number = min(STARTING_WINDOWS, len(self.windows))
        which = np.sort(rng.choice(len(self.windows), size=number, replace=False))
        windows = torch.from_numpy(self.windows.center(which)).to(model.encoder.head.weight.device)
        for index, kind in enumerate(self.kinds):
            if kind.name in UNIT_LENGTHS:
                model.operators.log_step[index] = math.log(UNIT_LENGTHS[kind.name])
        with torch.autocast(windows.device.type, enabled=False):
            basis = model.operators.axes()
            start_from_music(model.encoder, model.decoder, basis, windows)

    def _noise(self, z: Tensor, basis: Tensor) -> Tensor:
        noise = self.config.latent_noise * torch.randn_like(z)
        return noise - CONTENT_NOISE * (noise @ basis.T) @ basis


def _warmup(step: int) -> float:
    return min(1.0, (step + 1) / WARMUP_STEPS)


def _cosine(share: float) -> float:
    return 0.51 + 0.49 * math.cos(math.pi * share)


def equivariance_loss(probability: Float[Tensor, "B views n"], amount: Int[Tensor, "B V"]) -> Tensor:
    """-log probability that an anchor's pose, moved by ``amount``, is its view's; mean over views, nats; 0 is best."""
    size = probability.shape[-1]
    source = (torch.arange(size, device=amount.device) - amount[..., None]).remainder(size)
    moved = probability[:, :1].expand(-1, amount.shape[1], -1).gather(2, source)
    return -((moved * probability[:, 1:]).sum(-1) + 1e-4).log().mean()
