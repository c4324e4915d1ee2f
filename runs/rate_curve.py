"""Note F1 against latent size: PCA, a plain autoencoder, a beta-VAE and trained runs, on the same held-out songs.

    python runs/rate_curve.py --out OUT [--corpus pop909 --folder POP909] [--texture melody] [--dims 16 32 ... 512]
                              [--methods pca autoencoder beta-vae] [--seeds 0 1 2] [--runs RUN ...]

Writes OUT/points.jsonl, a row a point, and OUT/rate_curve.png. What is in points.jsonl is not made again: a run that
was stopped goes on, and more sizes, methods or RUNs join what is there. RUNs are folders of `softaxes train`, of any
size, judged on the same windows. Every point has the split of seed 0; a RUN that learned from songs on the other side
of it (one trained with another seed) is refused.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from baselines import CodeTraining, ModelCode, RatePoint, fit_pca, rate_point, train_code
from rate_picture import rate_curve
from softaxes.model.networks.aligned_start import start_from_music

import softaxes as sa
from softaxes.report.pictures.canvas import to_png
from softaxes.training.tasks.music.config import MusicConfig
from softaxes.training.tasks.music.data import MusicData, load_music, task_of

METHODS = ("pca", "autoencoder", "beta-vae")
POINTS, PICTURE, SETTINGS = "points.jsonl", "rate_curve.png", "settings.json"


def main(words: list[str] | None = None) -> None:
    given = parser().parse_args(words)
    config = MusicConfig(corpus=given.corpus, folder=given.folder, texture=given.texture, bars=given.bars,
                         window_steps=given.window_steps, encoder=given.encoder, low=given.low, high=given.high,
                         width=given.width)  # fmt: skip
    training = CodeTraining(given.steps, given.batch, given.learning_rate, bf16=given.bf16)
    given.out.mkdir(parents=True, exist_ok=True)
    same_settings(given.out, {"music": dataclasses.asdict(config), "training": dataclasses.asdict(training),
                              "beta": given.beta, "windows": given.windows})  # fmt: skip
    data = load_music(config)
    points = read_points(given.out)
    for method, dim, seed, make in wanted(given, data, config, training):
        if any((p.method, p.dim, p.seed) == (method, dim, seed) for p in points):
            continue
        began = time.monotonic()
        validation, test = (some(side.center(), given.windows) for side in (data.validation, data.test))
        point = rate_point(make(), validation, test, group(data, given.windows), method=method, seed=seed)
        points.append(point)
        with (given.out / POINTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(point.to_dict()) + "\n")
        f1 = f"note F1 {point.note_f1:.3f} [{point.note_f1_low:.3f}, {point.note_f1_high:.3f}]"
        print(f"{method} {dim} floats, seed {seed}: {f1}, {time.monotonic() - began:.0f} s", flush=True)
        draw(given.out, points)
    draw(given.out, points)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--corpus", default="pop909")
    made.add_argument("--folder", default="")
    made.add_argument("--texture", default="melody", choices=("melody", "full"))
    made.add_argument("--bars", type=int, default=2)
    made.add_argument("--window-steps", type=int, default=32)
    made.add_argument(
        "--encoder", default="rows", help="which networks the autoencoders have, as `softaxes train` names them"
    )
    made.add_argument("--low", type=int, default=12)
    made.add_argument("--high", type=int, default=24)
    made.add_argument("--width", type=int, default=512)
    made.add_argument("--dims", type=int, nargs="+", default=[16, 32, 64, 128, 256, 512])
    made.add_argument("--methods", nargs="*", default=list(METHODS), choices=METHODS)
    made.add_argument("--seeds", type=int, nargs="+", default=[0])
    made.add_argument("--steps", type=int, default=2000)
    made.add_argument("--batch", type=int, default=256)
    made.add_argument("--learning-rate", type=float, default=1e-3)
    made.add_argument("--beta", type=float, default=1.0)
    made.add_argument("--bf16", action="store_true")
    made.add_argument("--windows", type=int, default=4000, help="most windows to tune and to judge on")
    made.add_argument("--runs", nargs="*", default=[], help="trained runs to judge beside the others")
    return made


def wanted(given, data: MusicData, config: MusicConfig, training: CodeTraining):
    """(method, floats, seed, how to make it) of every point, the cheap ones first."""
    train = torch.from_numpy(data.train.center())
    for run in given.runs:
        model = sa.load(run)
        check_split(model, data, run)
        yield "softaxes", model.axes_dim, int(model.card["config"]["seed"]), lambda model=model: ModelCode(model)
    for method in (m for m in METHODS if m in given.methods):
        for dim in given.dims:
            for seed in given.seeds[:1] if method == "pca" else given.seeds:
                if method == "pca":
                    yield method, dim, seed, lambda dim=dim, seed=seed: fit_pca(train, dim, seed=seed)
                    continue
                how = dataclasses.replace(training, seed=seed, beta=given.beta if method == "beta-vae" else 0.0)
                yield method, dim, seed, lambda dim=dim, how=how: trained(train, dim, config, data, how)


def trained(windows: torch.Tensor, dim: int, config: MusicConfig, data: MusicData, training: CodeTraining):
    encoder, decoder = networks(config, data, training.seed)
    return train_code(windows, dim, encoder=encoder, decoder=decoder, training=training)


def networks(config: MusicConfig, data: MusicData, seed: int):
    """Encoder and decoder of `softaxes train`, for any latent size, as two factories.

    The aligned ones start together, as `softaxes train` starts them: from principal components of windows at bar lines.
    The encoder of a beta-VAE (twice ``dim``) has them as its means, and small variances.
    """
    parts = lambda dim: task_of(config)(dataclasses.replace(config, dim=dim), data.train).parts()  # noqa: E731
    if config.encoder != "aligned":
        return (lambda dim: parts(dim)["encoder"].build()), (lambda dim: parts(dim)["decoder"].build())
    made: list[torch.nn.Module] = []

    def encoder(size: int) -> torch.nn.Module:
        made.append(parts(size)["encoder"].build())
        return made[0]

    def decoder(dim: int) -> torch.nn.Module:
        small, built = parts(dim)["encoder"].build(), parts(dim)["decoder"].build()
        torch.nn.init.zeros_(small.downbeat_score.weight)  # every window begins at a bar line
        rows = torch.linalg.qr(torch.randn(dim, 6))[0].T.split([1, 2, 2, 1])
        basis = dict(zip(("pitch", "metre", "beat", "time"), rows, strict=True))
        windows = data.train.center(np.random.default_rng(seed).permutation(len(data.train))[:12_000])
        start_from_music(small, built, basis, torch.from_numpy(windows))
        with torch.no_grad():
            for name, wanted in made[0].named_parameters():
                given = small.get_parameter(name)
                if given.shape == wanted.shape:
                    wanted.copy_(given)
                    continue
                wanted.zero_()[: len(given)] = given
                if name == "frame_linear.bias":
                    wanted[len(given) :] = -4.0  # log variances
        return built

    return encoder, decoder


def check_split(model: sa.Model, data: MusicData, run: str) -> None:
    """ValueError unless the run learned from none of the songs that it is judged on."""
    ids = {data.corpus.ids[song] for side in (data.sides.validation, data.sides.test) for song in side}
    seen = ids & set(model.card["split"]["train"])
    if seen:
        raise ValueError(f"{run} learned from {len(seen)} of the songs to judge on: its split is another one")


def some(windows, most: int) -> torch.Tensor:
    """At most ``most`` windows, evenly spread."""
    return torch.from_numpy(windows[:: max(1, -(-len(windows) // most))].copy())


def group(data: MusicData, most: int):
    """The song, or group of songs that are one music, of each test window that is used."""
    rows = data.corpus.groups[data.test.song]
    return rows[:: max(1, -(-len(rows) // most))]


def same_settings(out: Path, settings: dict) -> None:
    """Write them down, or refuse to mix points of different ones."""
    path, text = out / SETTINGS, json.dumps(settings, indent=1)
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise ValueError(f"{out} holds points of other settings ({path}); choose another folder")
    path.write_text(text, encoding="utf-8")


def read_points(out: Path) -> list[RatePoint]:
    """The whole rows of points.jsonl; a row cut short by a kill is made again."""
    points = []
    path = out / POINTS
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            points.append(RatePoint(**json.loads(line)))
        except (json.JSONDecodeError, TypeError):
            print(f"a row of {path} is not whole and is made again", file=sys.stderr)
    path.write_text("".join(json.dumps(point.to_dict()) + "\n" for point in points), encoding="utf-8")
    return points


def draw(out: Path, points: list[RatePoint]) -> None:
    (out / PICTURE).write_bytes(to_png(rate_curve(points), dpi=130))


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"rate_curve: {error}")
