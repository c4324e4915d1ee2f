"""How is an `AlignedEncoder` taught: what is asked of where it looks, beside what is asked of its latents?

Three terms more than `softaxes.music_task`:

    leak   mean square of what the code of the content puts on the operators' axes
    gaze   -log of the probability that a window and its view are looked at from the same place, once the known shift is
           undone: rows by semitones, bar lines by steps. Neighbours stream in, and the place should not jump for them.
    bar    cross entropy of the bar line itself, which the corpus knows: windows are cut there

and two terms are read otherwise. A view into which neighbours streamed has new content, so its difference is more than
its shift: the cosines leave it out as they leave out clipped views, and the squared error of the operators looks at the
axes alone. In the first ``forced`` share of the steps bar lines are taken from the corpus, less and less often; in the
last ``frozen`` share the encoder is frozen and the decoder alone goes on, on every window and view (a representation
autoencoder).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.aligned import AlignedDecoder, AlignedEncoder, View, decided, placing_circles, start_from_music
from softaxes.decoders import note_loss
from softaxes.factorization import SoftFactorization
from softaxes.model import Model, Part
from softaxes.music_task import MusicNetwork, MusicTask, content_spread, predict_views
from softaxes.operators import predict_infonce, predict_squared_error
from softaxes.train import Batch

STARTING_WINDOWS = 12_000
SEMITONE, STEP = 0.5, 0.5  # length of one unit of pitch and of time at the start
PLACING = ("operators", "direct", "register", "waves", "sharpness", "silence", "score", "when")
PLACING_RATE = 0.02  # of the learning rate: these few numbers place everything else
GAZING = ("column", "along", "begin")
GAZING_RATE = 1.0
WARM_STEPS = 150  # the starting point is good: the first steps should not undo it
CONTENT_NOISE = 0.7  # share of the latent noise on the axes that stays away


class AlignedTask(MusicTask):
    """See the module."""

    def __init__(self, config, train_windows, validation_windows=None, card=None) -> None:  # type: ignore[no-untyped-def]
        super().__init__(config, train_windows, validation_windows, card)
        self.factorization = SoftFactorization(
            self.kinds, within=config.within, across=config.across, size=config.size, drop_clipped=True
        )

    def parts(self) -> dict[str, Part]:
        c = self.config
        shared = {"steps": c.window_steps, "dim": c.dim, "width": c.width, "low": c.low, "high": c.high}
        bar = c.window_steps // c.bars
        waves = {"harmonics": (1, max(1, bar // c.steps_per_beat))}
        return {
            "encoder": Part("AlignedEncoder", shared | {"period": bar}),
            "decoder": Part("AlignedDecoder", shared | {"period": bar} | waves),
        }

    def build_model(self) -> MusicNetwork:
        """The networks at their analytic starting point; the same windows and seed give the same one."""
        model = super().build_model()
        assert isinstance(model.encoder, AlignedEncoder) and isinstance(model.decoder, AlignedDecoder)
        rng = np.random.default_rng(self.config.seed)
        number = min(STARTING_WINDOWS, len(self.windows))
        which = np.sort(rng.choice(len(self.windows), size=number, replace=False))
        with torch.no_grad():
            model.operators.log_step[0] = math.log(SEMITONE)
            model.operators.log_step[3] = math.log(STEP)
            windows = torch.from_numpy(self.windows.center()[which])
            start_from_music(
                model.encoder, model.decoder, model.operators.basis(), windows, semitone=SEMITONE, step=STEP
            )
        return model

    def configure_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        groups: dict[str, list[nn.Parameter]] = {"decoder": [], "placing": [], "gazing": [], "encoder": []}
        for name, parameter in model.named_parameters():
            if any(part in name for part in PLACING):
                groups["placing"].append(parameter)
            elif any(part in name for part in GAZING):
                groups["gazing"].append(parameter)
            else:
                groups["decoder" if name.startswith("decoder") else "encoder"].append(parameter)
        share = {"placing": PLACING_RATE, "gazing": GAZING_RATE}
        rows = [
            {"params": group, "share": share.get(name, 1.0)}
            | ({} if name == "decoder" else {"until": self.frozen_from})
            for name, group in groups.items()
        ]
        return torch.optim.AdamW(rows, lr=self.config.learning_rate, weight_decay=1e-2, fused=True)

    @property
    def frozen_from(self) -> int:
        """The step from which only the decoder learns."""
        return round((1 - self.config.frozen) * self.steps)

    def learning_rate(self, step: int) -> float:
        return super().learning_rate(step) * min(1.0, (step + 1) / WARM_STEPS)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        assert isinstance(model, MusicNetwork) and isinstance(model.encoder, AlignedEncoder)
        if step >= self.frozen_from:
            return self._decoder_loss(model, batch)
        c, amounts = self.config, batch["amounts"]
        number, views_each = batch["rolls"].shape[:2]
        view = model.encoder.look(batch["rolls"].flatten(0, 1))
        delay = F.pad(amounts[..., 1] + amounts[..., 3], (1, 0)).long()  # (B, 1 + V) steps, 0 for the anchor
        begins = self._begins(view, delay.flatten(), step)
        content = model.encoder.content(view, begins)
        latents = (content + model.encoder.placed(view, begins)).unflatten(0, (number, views_each))
        anchor, views = latents[:, 0], latents[:, 1:]
        streamed = amounts[..., 1] != 0
        predicted = predict_views(model.operators, anchor, amounts)
        basis = model.operators.basis()
        spread, correlation = content_spread(model.operators.content(anchor), ~batch["lone"])
        on_axes = [z @ basis.T for z in (predicted, views, anchor)]
        terms = {
            "factorization": self.factorization(anchor=anchor, views=views, amount=amounts, clipped=streamed).total,
            "squared_error": c.squared_error * predict_squared_error(*on_axes),
            "infonce": c.infonce * predict_infonce(predicted, views, temperature=c.temperature),
            "spread": c.spread * spread,
            "decorrelation": c.decorrelation * correlation,
            "leak": c.leak * (content @ basis.T).square().mean(),
            "gaze": c.gaze * self._gaze(view, amounts[..., 0], delay[:, 1:]),
            "bar": c.bar * F.nll_loss((view.begins + 1e-6).log(), delay.flatten().remainder(view.begins.shape[1])),
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
        """Lines fitted on training windows, circles where the encoder places bars and beats."""
        finished = super().finish(model)
        assert isinstance(finished.encoder, AlignedEncoder) and isinstance(finished.decoder, AlignedDecoder)
        finished.axes = placing_circles(finished.encoder, finished.decoder, finished.axes)
        return finished

    def _begins(self, view: View, delay: Int[Tensor, N], step: int) -> Float[Tensor, "N period"]:
        """Where bars begin: as the encoder says, or, in ever fewer windows of the early steps, as the corpus does."""
        share = 1 - step / max(1.0, self.config.forced * self.steps)
        forced = torch.rand(len(delay), 1, device=delay.device) < share
        period = view.begins.shape[1]
        return torch.where(forced, F.one_hot(delay.remainder(period), period).float(), decided(view.begins))

    def _gaze(self, view: View, semitones: Float[Tensor, "B V"], steps: Int[Tensor, "B V"]) -> Tensor:
        rows, begins = (p.unflatten(0, (len(steps), -1)) for p in (view.row, view.begins))
        return _same_place(rows, semitones.long()) + _same_place(begins, steps)

    def _noise(self, z: Tensor, basis: Tensor) -> Tensor:
        noise = self.config.latent_noise * torch.randn_like(z)
        return noise - CONTENT_NOISE * (noise @ basis.T) @ basis


def _same_place(probability: Float[Tensor, "B 1+V n"], amount: Int[Tensor, "B V"]) -> Tensor:
    """-log probability that an anchor's place, moved by ``amount``, is its view's; mean over views, nats."""
    size = probability.shape[-1]
    source = (torch.arange(size, device=amount.device) - amount[..., None]).remainder(size)
    moved = probability[:, :1].expand(-1, amount.shape[1], -1).gather(2, source)
    return -((moved * probability[:, 1:]).sum(-1) + 1e-4).log().mean()
