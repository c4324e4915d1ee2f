"""What does an encoder of blobs learn, and from which terms?

A *recipe* is a `ToyConfig`; a `ToyTask` turns it into batches and losses for `softaxes.training.loop`. Two recipes are
the published experiment, two are ours:

    original       the article's law, encoder, loss and optimiser: Adam, 4e-3, batch 1024, 5000 steps
    original-jepa  the same with 0.2 (LeJEPA(z, z1) + LeJEPA(z, z2)), the article's SIGReg, which is blind to the mean
    default        ours: four views to an anchor, axes that are global, calibrated and open to 180 degrees, and content
                   that survives a shift and can be decoded
    unclipped      the same in a canvas with a margin, where nothing is lost at an edge

The terms beside `softaxes.losses.factorization`, each with its weight:

    pairs      1 - target cos over the two views of each kind: as (cos - target)^2, but small angles count too, and
               four views make more cross than same pairs
    predict    f(T_s x) = f(x) + s u in squared error, on views that lost nothing; u has the length 1, so an axis is
               calibrated in pixels and the other scales have a unit
    proportion |t d_s - s d_t|^2 / max(s, t)^2 over the mean |d|^2, for two views of a kind that lost nothing: on every
               anchor the difference grows with the amount, whatever its unit there
    symmetry   1 + cos(mean + difference, mean - difference) of each kind: 0 when they open to 180 degrees
    content    InfoNCE: with the axes projected out, a view names its anchor among all anchors of the batch; a clipped
               view, whose content has changed, weighs ``content_clipped``
    pixels     cross entropy of the anchor decoded from z, over that of knowing the density alone

Everything random in step k is a function of (seed, k).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.data.blobs import KINDS, PITCH, TIME, BlobViews, blob_triplets, blob_views
from softaxes.geometry.fit import fit_axes
from softaxes.geometry.operators import LearnedOperators
from softaxes.losses.factorization import SoftFactorization
from softaxes.losses.lejepa import lejepa_article
from softaxes.losses.prediction import predict_squared_error
from softaxes.model.model import Model
from softaxes.model.part import Part
from softaxes.training.task import Batch
from softaxes.training.tasks.blobs.config import ToyConfig, config_record
from softaxes.training.tasks.blobs.losses import content_loss, pair_loss, pixel_loss, proportion_loss, symmetry_loss

AXES_BLOBS = 4000  # anchors that the axes are fitted on, drawn by training seeds


class ToyNetwork(nn.Module):
    """What is trained together: encoder, pixel decoder, operators."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, operators: LearnedOperators) -> None:
        super().__init__()
        self.encoder, self.decoder, self.operators = encoder, decoder, operators


class ToyTask:
    """Blobs to batches to losses; see the module."""

    name = "toy"

    def __init__(self, config: ToyConfig) -> None:
        self.config, self.steps = config, config.steps
        self.clip_norm = config.clip_norm or None
        c = config
        self.factorization = SoftFactorization(KINDS, within=c.within, across=c.across, size=c.size, floor=c.floor)

    def parts(self) -> dict[str, Part]:
        """Encoder and decoder as they are written into the checkpoint."""
        c = self.config
        shape = {"side": c.side, "dim": c.dim}
        encoders = {
            "pooled": Part("PooledConvEncoder", {"dim": c.dim}),
            "flat": Part("FlatEncoder", shape | {"width": c.width, "depth": c.depth}),
            "residual": Part("ResidualEncoder", shape | {"width": c.width, "depth": c.depth}),
        }
        return {"encoder": encoders[c.encoder]} | ({"decoder": Part("PixelDecoder", shape)} if c.pixels else {})

    def build_model(self) -> ToyNetwork:
        parts = self.parts()
        operators = LearnedOperators(KINDS, self.config.dim, step=1.0)
        operators.log_step.requires_grad_(False)  # the unit of the latent space: 1 a pixel
        decoder = parts["decoder"].build() if "decoder" in parts else nn.Identity()
        return ToyNetwork(parts["encoder"].build(), decoder, operators)

    def configure_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        trained = [p for p in model.parameters() if p.requires_grad]
        return torch.optim.Adam(trained, lr=self.config.learning_rate, fused=True)

    def learning_rate(self, step: int) -> float:
        if self.config.schedule == "constant":
            return self.config.learning_rate
        warmup = min(1.0, (step + 1) / max(1.0, 0.1 * self.steps))
        return self.config.learning_rate * warmup * (0.5 + 0.5 * math.cos(math.pi * step / self.steps))

    def batch(self, step: int) -> Batch:
        return self.views(step)._asdict()

    def views(self, step: int) -> BlobViews:
        """The labelled views of step ``step``; steps < 0 are other draws, used by no step."""
        c, generator = self.config, _generator(self.config.seed, step)
        if c.views == "triplet":
            return blob_triplets(c.batch, seed=generator, margin=c.margin)
        return blob_views(c.batch, kinds=(PITCH, PITCH, TIME, TIME), seed=generator, margin=c.margin)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        assert isinstance(model, ToyNetwork)
        c, kind, amount, clipped = self.config, batch["kind"], batch["amount"], batch["clipped"]
        images = torch.cat([batch["anchor"][:, None], batch["views"]], dim=1)
        with torch.autocast(images.device.type, torch.bfloat16) if c.bfloat16 else nullcontext():
            latents = model.encoder(images.flatten(0, 1))
        latents = latents.float().unflatten(0, images.shape[:2])
        anchor, views = latents[:, 0], latents[:, 1:]
        terms = {"factorization": self.factorization(anchor=anchor, views=views, kind=kind, amount=amount).total}
        if c.pairs:
            terms["pairs"] = c.pairs * pair_loss(views - anchor[:, None], amount, c.floor)
        if c.predict:
            terms["predict"] = c.predict * _predict_whole(model.operators, anchor, views, kind, amount, clipped)
        if c.proportion:
            terms["proportion"] = c.proportion * proportion_loss(views - anchor[:, None], amount, clipped)
        if c.symmetry:
            terms["symmetry"] = c.symmetry * symmetry_loss(views - anchor[:, None], kind, amount)
        if c.content:
            content = model.operators.content(latents)
            view = 1 + step % views.shape[1]
            weight = 1.0 - (1.0 - c.content_clipped) * clipped[:, view - 1].float()
            terms["content"] = c.content * content_loss(content[:, view], content[:, 0], weight, c.content_scale)
        if c.pixels:
            terms["pixels"] = c.pixels * pixel_loss(model.decoder(anchor), batch["anchor"])
        if c.jepa:
            pulls = [lejepa_article(anchor, views[:, v], step=step) for v in range(views.shape[1])]
            terms["jepa"] = c.jepa * torch.stack(pulls).sum()
        return terms | {"loss": torch.stack(list(terms.values())).sum()}

    def finish(self, model: nn.Module) -> Model:
        """Fit the axes on views that lost nothing, drawn by training seeds no step has used."""
        assert isinstance(model, ToyNetwork)
        c = self.config
        drawn = blob_triplets(AXES_BLOBS, seed=_generator(c.seed, -1), margin=c.margin)
        whole = ~drawn.clipped.any(1)
        anchor, views, kind, amount = (part[whole] for part in drawn[:4])
        with torch.no_grad():
            z, zv = model.encoder(anchor), model.encoder(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        axes = fit_axes(anchor=z, views=zv, kind=kind, amount=amount, kinds=KINDS)
        parts = self.parts()
        finished = Model(parts["encoder"], axes, (1, c.side, c.side), decoder=parts.get("decoder"), card=self.card())
        finished.encoder.load_state_dict(model.encoder.state_dict())
        if finished.decoder is not None:
            finished.decoder.load_state_dict(model.decoder.state_dict())
        return finished

    def card(self) -> Mapping[str, object]:
        """What the checkpoint says of its training."""
        return {"data": "random blobs, drawn anew at every step", "config": config_record(self.config)}


def _predict_whole(
    operators: LearnedOperators, anchor: Tensor, views: Tensor, kind: Tensor, amount: Tensor, clipped: Tensor
) -> Tensor:
    """Squared error of ``z + s u`` over the mean squared difference, for the views that lost nothing."""
    start = anchor[:, None].expand_as(views)[~clipped]
    amounts = F.one_hot(kind, len(KINDS)) * amount[..., None].float()
    return predict_squared_error(operators(start, amounts[~clipped])[:, None], views[~clipped][:, None], start)


def _generator(seed: int, step: int) -> torch.Generator:
    """Independent draws for every (seed, step); step -1 is for the axes."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step + 1)
