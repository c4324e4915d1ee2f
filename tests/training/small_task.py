"""A task that trains in a second, with everything that can go wrong built in; also a script.

    python small_task.py OUT [--steps N --devices N --kill STEP ...]

The script says "done", or the name and text of what stopped it.
"""

import argparse
import os
import signal
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import nn

from softaxes.data.blobs import KINDS, blob_triplets
from softaxes.geometry.fit import fit_axes
from softaxes.geometry.operators import LearnedOperators
from softaxes.losses.factorization import SoftFactorization
from softaxes.losses.prediction import predict_infonce, predict_squared_error
from softaxes.model.model import Model
from softaxes.model.part import Part
from softaxes.training.interrupt import Interrupted
from softaxes.training.loop import train
from softaxes.training.machine import Machine

ENCODER = Part("FlatEncoder", {"side": 8, "dim": 8, "width": 16, "depth": 1})


@dataclass(frozen=True)
class SmallConfig:
    """Settings of `SmallTask`; ``kill``, ``interrupt`` and so on are no settings of the run."""

    steps: int = 24
    rows: int = 16
    seed: int = 3
    noise: float = 0.1


class SmallTask:
    """Tiny blobs, all the losses, noise from torch's global generator, and a parameter that few steps use."""

    name = "small"
    clip_norm: float | None = 1.0

    def __init__(self, config: SmallConfig = SmallConfig(), *, faults=None):
        self.config, self.steps, self.faults = config, config.steps, faults or {}
        self.factorization = SoftFactorization(KINDS, across=0.5, size=0.5)

    def build_model(self):
        model = nn.Module()
        model.encoder, model.operators = ENCODER.build(), LearnedOperators(KINDS, 8)
        model.seldom, model.never = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(()))
        return model

    def configure_optimizer(self, model):
        return torch.optim.AdamW(model.parameters(), lr=0.1)

    def learning_rate(self, step):
        return 3e-3 * (1 - step / max(1, self.steps))

    def batch(self, step):
        if step == self.faults.get("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if step == self.faults.get("interrupt"):
            os.kill(os.getpid(), signal.SIGINT)
        if step == self.faults.get("terminate") and os.environ.get("LOCAL_RANK", "0") == "0":
            os.kill(os.getpid(), signal.SIGTERM)
        rows = self.config.rows - (step == self.faults.get("odd"))
        return blob_triplets(rows, seed=1000 * self.config.seed + step, size=8, max_shift=2)._asdict()

    def loss(self, model, batch, step):
        images = torch.cat([batch["anchor"][:, None], batch["views"]], dim=1)
        z = model.encoder(images.flatten(0, 1)).unflatten(0, images.shape[:2])
        z = z + self.config.noise * torch.randn_like(z)
        anchor, views = z[:, 0], z[:, 1:]
        terms = self.factorization(anchor=anchor, views=views, kind=batch["kind"], amount=batch["amount"])
        amounts = nn.functional.one_hot(batch["kind"], 2) * batch["amount"][..., None]
        moved = model.operators(anchor.repeat_interleave(2, 0), amounts.flatten(0, 1).float()).reshape(views.shape)
        predict = predict_infonce(moved, views) + predict_squared_error(moved, views, anchor)
        loss = terms.total + 0.1 * predict
        if step % 5 == 4:
            loss = loss + model.seldom.square().sum()
        if step == self.faults.get("nan"):
            loss = loss * float("nan")
        if step == self.faults.get("nan_weight") and os.environ.get("LOCAL_RANK", "0") == "0":
            model.never.data.fill_(float("nan"))  # no loss says so, and the other processes do not know
        if step == self.faults.get("infinite_gradient"):
            loss = loss + 0 * torch.sqrt(0 * model.seldom.sum())
        return {"loss": loss, "within": terms.within, "predict": predict}

    def finish(self, model):
        drawn = blob_triplets(200, seed=99, size=8, max_shift=2)
        with torch.no_grad():
            z, views = model.encoder(drawn.anchor), model.encoder(drawn.views.flatten(0, 1)).unflatten(0, (200, 2))
        axes = fit_axes(anchor=z, views=views, kind=drawn.kind, amount=drawn.amount, kinds=KINDS)
        made = Model(ENCODER, axes, (1, 8, 8), card={"last": float(torch.rand(()))})
        made.encoder.load_state_dict(model.encoder.state_dict())
        return made


FAULTS = ("kill", "interrupt", "terminate", "odd", "nan", "nan_weight", "infinite_gradient")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--checkpoint-seconds", type=float, default=0.0)
    for field in fields(SmallConfig):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    for fault in FAULTS:
        parser.add_argument(f"--{fault}", type=int)
    given = parser.parse_args()
    config = SmallConfig(**{field.name: getattr(given, field.name) for field in fields(SmallConfig)})
    task = SmallTask(config, faults={fault: getattr(given, fault) for fault in FAULTS})
    machine = Machine(
        devices=given.devices, checkpoint_seconds=given.checkpoint_seconds, log_every=1, threads=1, progress=False
    )
    try:
        train(task, given.out, machine)
    except (Interrupted, ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        sys.exit(3)
    print("done", flush=True)


if __name__ == "__main__":
    main()
