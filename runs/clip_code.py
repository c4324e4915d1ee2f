"""Train the clip encoder of ``softaxes.motifs.clip_code`` on variations of public-domain tunes, into the package.

    python runs/clip_code.py --steps 2000

Two variations of one clip of a tune are a pair: transposed and moved, then with changed, dropped, added, repeated,
octave-moved notes, another rhythm, other sizes of steps, a cut head or tail, notes of an accompaniment between. InfoNCE
on z with the axes removed pulls pairs together; soft factorization (within, across, size) on labelled shifts makes
pitch and position lines. The axes are fitted on other clips when training is over. No annotated motif is seen.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from softaxes.data.music import load_corpus
from softaxes.geometry.axes import Axes
from softaxes.geometry.fit import fit_axes
from softaxes.losses.factorization import SoftFactorization
from softaxes.motifs import clip_code
from softaxes.motifs.clip_code import KINDS, POSITION_BEATS, ClipEncoder, note_features

BATCH, SHIFTED = 128, 48


def melodies():
    """(onset in beats, pitch) of every tune."""
    songs = load_corpus("tunes").songs
    return [(s.notes["onset"] / s.steps_per_beat, s.notes["pitch"].astype(int)) for s in songs if len(s.notes) > 20]


def clip_of(tunes, rng):
    onset, pitch = tunes[rng.integers(len(tunes))]
    size = int(rng.integers(3, 17))
    start = int(rng.integers(0, len(pitch) - size + 1))
    return onset[start : start + size] - onset[start], pitch[start : start + size]


def varied(clip, rng):
    """Another return of the clip."""
    onset, pitch = clip[0].copy(), clip[1].copy()
    gaps = np.diff(onset)
    roll = rng.random(10)
    if roll[0] < 0.6:  # as a diatonic transposition changes some steps
        change = rng.choice([-1, 0, 0, 1], 12)
        pitch = pitch + change[pitch % 12]
    if roll[1] < 0.35:
        some = rng.random(len(pitch)) < 0.25
        pitch = pitch + some * rng.integers(-5, 6, len(pitch))
    if roll[2] < 0.15:  # contour kept
        pitch = pitch[0] + np.r_[
            0, np.cumsum(np.rint(np.diff(pitch) * rng.choice([0.5, 1.5, 2], len(pitch) - 1)))
        ].astype(int)
    if roll[3] < 0.3:
        gaps = gaps * rng.choice([0.5, 1, 1, 1, 1.5, 2], len(gaps))
    if roll[4] < 0.12:
        gaps = gaps * rng.choice([0.5, 2])
    onset = np.r_[0, np.cumsum(gaps)]
    if roll[5] < 0.2:
        keep = rng.random(len(pitch)) > 0.2
        keep[rng.integers(len(pitch))] = True
        onset, pitch = onset[keep], pitch[keep]
    if roll[6] < 0.25 and len(pitch) > 1:  # ornaments, repeats
        where = np.flatnonzero(rng.random(len(pitch) - 1) < 0.25)
        extra = (onset[where] + onset[where + 1]) / 2
        onset, pitch = join(onset, pitch, extra, pitch[where] + rng.choice([-2, -1, 0, 1, 2]))
    if roll[7] < 0.1 and len(pitch) > 1:  # notes of an accompaniment
        extra = onset + rng.choice([0.0, 0.25, 0.5])
        onset, pitch = join(onset, pitch, extra, pitch - rng.choice([3, 5, 7, 12]))
    if roll[8] < 0.15:
        pitch = np.where(np.arange(len(pitch)) >= rng.integers(len(pitch)), pitch + rng.choice([-12, 12]), pitch)
    if roll[9] < 0.4 and len(pitch) > 3:  # a cut head or tail
        size = int(rng.integers((len(pitch) + 1) // 2, len(pitch) + 1))
        part = slice(0, size) if rng.random() < 0.7 else slice(len(pitch) - size, len(pitch))
        onset, pitch = onset[part], pitch[part]
    return onset - onset[0], pitch


def join(onset, pitch, more_onset, more_pitch):
    onset, pitch = np.r_[onset, more_onset], np.r_[pitch, more_pitch]
    order = np.lexsort((pitch, onset))
    return onset[order], pitch[order]


def placed(clip, rng, whole=False):
    """Somewhere in four beats, in some register."""
    offset = rng.integers(0, POSITION_BEATS) if rng.random() < 0.7 or whole else rng.integers(0, 4 * POSITION_BEATS) / 4
    return clip[0] + offset, clip[1] + int(rng.integers(-12, 13))


def shifts(clips, rng, views=4):
    """(moved clips, B x V), amounts (B, V), kinds (B, V)."""
    kind = np.tile(np.arange(views) % 2, (len(clips), 1))
    pitch = rng.choice([-9, -7, -5, -3, -2, -1, 1, 2, 3, 5, 7, 9], kind.shape)
    position = rng.choice([-2, -1, 1, 2], kind.shape)
    amount = np.where(kind == 0, pitch, position)
    moved = [
        (o + a, p) if k else (o, p + a)
        for (o, p), row, which in zip(clips, amount, kind, strict=True)
        for a, k in zip(row, which, strict=True)
    ]
    return moved, torch.tensor(amount, dtype=torch.float32), torch.tensor(kind)


def axes_of(encoder, clips, rng) -> Axes:
    moved, amount, kind = shifts(clips, rng)
    z = encoder(*note_features(clips))
    views = encoder(*note_features(moved)).reshape(len(clips), -1, z.shape[1])
    return fit_axes(anchor=z.detach(), views=views.detach(), amount=amount, kind=kind, kinds=KINDS)


def train(steps: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    tunes = melodies()
    held_out, tunes = tunes[::10], [t for k, t in enumerate(tunes) if k % 10]
    encoder, law = ClipEncoder(), SoftFactorization(KINDS, within=0.5, across=0.5, size=0.1)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps + 1)
    begin = time.process_time()
    for step in range(steps):
        clips = [clip_of(tunes, rng) for _ in range(BATCH)]
        pairs = [placed(varied(c, rng), rng) for c in clips] + [placed(varied(c, rng), rng) for c in clips]
        moved, amount, kind = shifts(pairs[:SHIFTED], rng)
        z = encoder(*note_features([*pairs, *moved]))
        views = z[2 * BATCH :].reshape(SHIFTED, -1, z.shape[1])
        axes = fit_axes(anchor=z[:SHIFTED].detach(), views=views.detach(), amount=amount, kind=kind, kinds=KINDS)
        content = F.normalize(axes.remove(z[: 2 * BATCH]) - axes["pitch"].origin, dim=1)
        logits = content[:BATCH] @ content[BATCH:].T / 0.1
        same = torch.arange(BATCH)
        contrast = (F.cross_entropy(logits, same) + F.cross_entropy(logits.T, same)) / 2
        terms = law(anchor=z[:SHIFTED], views=views, amount=amount, kind=kind)
        optimizer.zero_grad()
        (contrast + terms.total).backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0 or step == steps - 1:
            hit = (logits.argmax(1) == same).float().mean()
            print(f"{step} contrast {contrast:.3f} within {terms.within:.3f} across {terms.across:.3f} "
                  f"hit {hit:.2f} {time.process_time() - begin:.0f} s", flush=True)  # fmt: skip
    encoder.eval()
    with torch.no_grad():
        fitted = axes_of(encoder, [placed(clip_of(held_out, rng), rng) for _ in range(1000)], rng)
    return encoder, fitted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path(clip_code.__file__).with_name("clip_code.npz"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder, axes = train(options.steps)
    clip_code.save_encoder(encoder, axes, options.out)


if __name__ == "__main__":
    main()
