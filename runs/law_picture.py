"""Do differences of labelled shifts keep the law of their kind? A picture of small encoders beside the curves.

python runs/law_picture.py docs/pictures/law.png

Random melodies of 16 steps on 8 of 16 rows are transposed by up to 4 rows and turned by up to 8 steps; nothing leaves
the frame. Two plain encoders of three layers learn from the same views, told that the delay is a circle, or a cycle.
The last panel has no encoder: every window and every view of it lies at an independent random place.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import softaxes as sa
from softaxes.diagnostics.cosines import LawCurve, law_curves
from softaxes.geometry.kinds import Kind
from softaxes.geometry.shifts import Shift
from softaxes.losses.prediction import predict_squared_error
from softaxes.report.page import KIND_COLOURS, NEUTRAL
from softaxes.report.pictures.canvas import INK, blank, legend, name, to_png

ROWS, STEPS, DIM, VIEWS, BATCH, TRAINING = 16, 16, 32, 6, 256, 700
LOW = (1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4)  # harmonics of the planes
PITCH, CIRCLE, CYCLE = sa.Line("pitch"), sa.Circle("metre", STEPS), sa.Cycle("metre", STEPS, harmonics=LOW)
SHOWN = (1.0, 4.0)  # the fixed shift s of each curve


def melodies(n: int) -> Tensor:
    """Rolls (n, rows, steps) of 0 and 1: a note on about half of the steps, in the middle rows."""
    pitch = torch.randint(4, 12, (n, 1, STEPS))
    sounds = (torch.rand(n, 1, STEPS) < 0.5).float()
    return torch.zeros(n, ROWS, STEPS).scatter(1, pitch, sounds)


def labelled(n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Melodies (n, ...), views (n, V, ...), kind and amount (n, V)."""
    x, kind = melodies(n), torch.randint(0, 2, (n, VIEWS))
    amount = torch.where(kind == 0, torch.randint(-4, 5, (n, VIEWS)), torch.randint(-8, 9, (n, VIEWS)))
    shifts = {"pitch": Shift(-2), "metre": Shift(-1, "wrap")}
    views = sa.labelled_views(x, kind, amount, kinds=(PITCH, CIRCLE), shifts=shifts)
    return x, views.views, kind, amount


def trained(metre: Kind, seed: int = 0) -> tuple[nn.Module, tuple[Kind, ...]]:
    """An encoder that learned pitch as a line and the delay as ``metre``, from the loss alone."""
    torch.manual_seed(seed)
    kinds = (PITCH, metre)
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(ROWS * STEPS, 256), nn.GELU(), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, DIM)
    )
    operators = sa.LearnedOperators(kinds, DIM, learned=False)
    terms = sa.SoftFactorization(kinds, across=1.0)
    parameters = [*encoder.parameters(), operators.log_step]
    optimizer = torch.optim.AdamW(parameters, lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, TRAINING)
    for _ in range(TRAINING):
        x, views, kind, amount = labelled(BATCH)
        z = encoder(torch.cat([x[:, None], views], dim=1).flatten(0, 1)).unflatten(0, (BATCH, 1 + VIEWS))
        moved = torch.stack([amount * (kind == k) for k in (0, 1)], dim=-1).float()
        predicted = operators(z[:, 0].repeat_interleave(VIEWS, 0), moved.flatten(0, 1)).unflatten(0, (BATCH, VIEWS))
        loss = terms(anchor=z[:, 0], views=z[:, 1:], kind=kind, amount=amount).total
        loss = loss + predict_squared_error(predicted, z[:, 1:], z[:, 0], used=amount != 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return encoder, kinds


@torch.no_grad()
def curves(encoder: nn.Module | None, kinds: Sequence[Kind]) -> dict[str, LawCurve]:
    """Law curves of new melodies; without an encoder, of latents drawn at random."""
    torch.manual_seed(1)
    x, views, kind, amount = labelled(4000)
    if encoder is None:
        z, zv = torch.randn(len(x), 512), torch.randn(*kind.shape, 512)
    else:
        z, zv = encoder(x), encoder(views.flatten(0, 1)).unflatten(0, kind.shape)
    return law_curves(z, zv, kind, amount, kinds=kinds)


def law_picture(panels: Sequence[tuple[str, LawCurve]]) -> Figure:
    """One panel a law: the promised cosine of two shifts as lines, the measured one as marks."""
    figure, plots = blank(1, len(panels), width=3.1 * len(panels), height=3.4, sharey=True)
    colours = list(KIND_COLOURS.values())
    for plot, (title, curve) in zip(plots[0], panels, strict=True):
        for value in (-1.0, 1.0):
            plot.axhline(value, color=NEUTRAL, linewidth=0.8, linestyle=(0, (1, 2)))
        plot.axhline(0.5, color=NEUTRAL, linewidth=0.8, linestyle=(0, (5, 3)))
        for s, colour, marker in zip(SHOWN, colours, "os", strict=False):
            row = (curve.first == s) | (curve.second == s)
            row &= curve.first != curve.second  # of equal views, cosine 1
            t = np.where(curve.first == s, curve.second, curve.first)[row]
            for side in (t < 0, t > 0):
                order = np.flatnonzero(side)[np.argsort(t[side])]
                plot.plot(t[order], curve.promised[row][order], color=colour, linewidth=1.2)
            plot.plot(t, curve.measured[row], marker, color=colour, markersize=4.5, label=f"s = {s:g}")
        name(plot, title, "other shift t")
        plot.set_xticks(range(-8, 9, 4))
        plot.set_ylim(-1.12, 1.18)
    plots[0, 0].set_ylabel("cosine of the differences by s and t")
    plots[0, 0].annotate("the article's ±1", (0.04, 0.955), xycoords="axes fraction", color=INK, fontsize=8)
    plots[0, 0].annotate("chance, .5", (0.04, 0.66), xycoords="axes fraction", color=INK, fontsize=8)
    legend(plots[0, 0], loc="lower right")
    return figure


def main(out: str) -> None:
    turned, cycled = (curves(*trained(metre)) for metre in (CIRCLE, CYCLE))
    independent = curves(None, (PITCH, sa.Cycle("metre", STEPS)))
    panels = [
        ("a line: pitch", cycled["pitch"]),
        ("a circle: delay, 16 steps", turned["metre"]),
        ("a cycle of harmonics 1 to 4", cycled["metre"]),
        ("all harmonics alike: chance", independent["metre"]),
    ]
    for title, curve in panels:
        print(f"{title:28} mean |measured - promised| {curve.error:.3f} over {int(curve.n.sum())} pairs of views")
    Path(out).write_bytes(to_png(law_picture(panels), dpi=130))


if __name__ == "__main__":
    main(*sys.argv[1:])
