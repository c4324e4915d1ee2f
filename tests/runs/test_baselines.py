"""Codes of equal size: PCA is the best linear one, autoencoders learn, a VAE's divergence is the closed form."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from baselines import (
    CodeTraining,
    ModelCode,
    RatePoint,
    _sample,
    best_threshold,
    fit_pca,
    rate_point,
    train_code,
)
from rate_picture import rate_curve
from torch import Tensor, nn

from softaxes.model.checkpoint import save_model
from tests.songs.song_models import small_model

STEPS = 8


def few_rolls(n: int = 60, notes: int = 3) -> Tensor:
    """Windows of a few notes out of six pitches."""
    rolls = torch.zeros(n, 2, 128, STEPS, dtype=torch.uint8)
    for roll in rolls:
        for _ in range(notes):
            pitch, step = 60 + int(torch.randint(6, ())), int(torch.randint(STEPS, ()))
            roll[0, pitch, step] = roll[1, pitch, step] = 1
    return rolls


class Flat(nn.Module):
    """A linear network in one direction or the other."""

    def __init__(self, before: int, after: tuple[int, ...]) -> None:
        super().__init__()
        self.after, self.layer = after, nn.Linear(before, math.prod(after))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1)).unflatten(1, self.after)


def encoder(dim: int) -> nn.Module:
    return Flat(2 * 128 * STEPS, (dim,))


def decoder(dim: int) -> nn.Module:
    return Flat(dim, (2, 128, STEPS))


def test_pca_is_the_svd_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baselines.CHUNK", 7)
    rolls = few_rolls()
    code = fit_pca(rolls, 5)
    flat = rolls.flatten(1).double()
    centred = flat - flat.mean(0)
    right = torch.linalg.svd(centred, full_matrices=False).Vh[:5]
    assert torch.allclose(code.components.double() @ code.components.double().T, torch.eye(5).double(), atol=1e-5)
    best = (centred - centred @ right.T @ right).square().sum()
    mine = code.components.double()
    assert (centred - centred @ mine.T @ mine).square().sum() == pytest.approx(float(best), rel=1e-3)
    assert code.encode(rolls).shape == (60, 5)
    assert torch.allclose(code.mean.double(), flat.mean(0), atol=1e-6)


def test_pca_of_all_directions_is_lossless_and_more_keep_more() -> None:
    rolls = few_rolls(30)
    full = fit_pca(rolls, 30)
    assert torch.allclose(full.decode(full.encode(rolls)), rolls.float(), atol=1e-4)
    error = [float((code.decode(code.encode(rolls)) - rolls).square().sum()) for code in
             (fit_pca(rolls, dim) for dim in (1, 4, 16))]  # fmt: skip
    assert error == sorted(error, reverse=True)
    for dim in (0, 31):
        with pytest.raises(ValueError, match=rf"`dim` must lie in 1..30 for 30 windows, got {dim}"):
            fit_pca(rolls, dim)
    with pytest.raises(ValueError, match=r"1..0 for 0 windows"):
        fit_pca(rolls[:0], 1)


@pytest.mark.parametrize("beta", [0.0, 0.001])
def test_codes_learn_and_the_same_seed_gives_the_same(beta: float) -> None:
    rolls = few_rolls()
    training = CodeTraining(steps=150, batch=30, learning_rate=0.02, beta=beta)
    code, again = (train_code(rolls, 16, encoder=encoder, decoder=decoder, training=training) for _ in range(2))
    assert torch.equal(code.encode(rolls), again.encode(rolls))
    assert code.encode(rolls).shape == (60, 16)
    short = train_code(rolls, 16, encoder=encoder, decoder=decoder, training=CodeTraining(1, 30, 0.02, beta=beta))
    song = np.arange(60) // 10
    late, early = (rate_point(c, rolls, rolls, song, method="x", draws=20).note_f1 for c in (code, short))
    assert late > 0.5 > early


def test_a_strong_beta_empties_the_code() -> None:
    rolls = few_rolls()
    spread = [
        float(
            train_code(
                rolls, 4, encoder=encoder, decoder=decoder, training=CodeTraining(200, 30, 0.02, beta=beta)
            ).encode(rolls).std(0).mean()
        )
        for beta in (0.001, 100.0)
    ]  # fmt: skip
    assert spread[1] < 0.2 * spread[0]


def test_the_divergence_is_that_of_two_gaussians() -> None:
    code = torch.randn(4, 6)
    _, nats = _sample(code, 3)
    q = torch.distributions.Normal(code[:, :3], (0.5 * code[:, 3:]).exp())
    expected = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum()
    assert float(nats) == pytest.approx(float(expected), rel=1e-5)
    draws = torch.stack([_sample(code, 3)[0] for _ in range(4000)])
    assert torch.allclose(draws.mean(0), q.mean, atol=0.2)
    assert torch.allclose(draws.std(0), q.stddev, rtol=0.1)


class Answers:
    """A code that gives back given probabilities, whatever it is asked."""

    dim = 3

    def __init__(self, probability: Tensor) -> None:
        self.probability = probability

    def encode(self, rolls: Tensor) -> Tensor:
        return torch.zeros(len(rolls), 3)

    def decode(self, z: Tensor) -> Tensor:
        return self.probability[: len(z)]


def test_thresholds_and_figures_of_known_answers() -> None:
    rolls = few_rolls(40)
    quiet = rolls.float() * 0.33 + (1 - rolls.float()) * 0.28
    assert best_threshold(Answers(quiet), rolls) == 0.3
    point = rate_point(Answers(quiet), rolls, rolls, np.arange(40) // 8, method="x", seed=2, draws=50)
    assert (point.note_f1, point.note_f1_near, point.frame_f1, point.threshold) == (1, 1, 1, 0.3)
    assert (point.dim, point.seed, point.windows, point.songs) == (3, 2, 40, 5)
    late = rolls.float().roll(1, dims=-1)  # a step late, and what leaves comes in again
    point = rate_point(Answers(late), rolls, rolls, np.arange(40) // 8, method="x", draws=50)
    assert point.note_f1 < 0.5 < point.note_f1_near
    assert point.note_f1_low <= point.note_f1 <= point.note_f1_high
    assert RatePoint(**json.loads(json.dumps(point.to_dict()))) == point


def test_a_model_is_a_code() -> None:
    model = small_model(STEPS, bars=1)
    code, rolls = ModelCode(model), few_rolls(5)
    assert code.dim == 12
    assert torch.equal(code.decode(code.encode(rolls)), model.decode(model.encode(rolls)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "`steps` must be >= 1, got 0"),
        ({"beta": -1.0}, "`beta` must be >= 0, got -1"),
        ({"learning_rate": 1.0}, "`learning_rate` must lie between 0 and 1, got 1.0"),
    ],
)
def test_training_out_of_range(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CodeTraining(**change)  # type: ignore[arg-type]


def test_no_windows_and_a_loss_that_bursts() -> None:
    with pytest.raises(ValueError, match="`rolls` must hold at least one window"):
        train_code(few_rolls(0), 4, encoder=encoder, decoder=decoder)
    with pytest.raises(ValueError, match="the loss became nan at step 0"):
        train_code(few_rolls(4), 4, encoder=encoder, decoder=decoder, loss=lambda logits, x: logits.sum() * math.nan)


def point(method: str, dim: int, seed: int, f1: float) -> RatePoint:
    return RatePoint(method, dim, seed, 0.5, *(f1, f1 - 0.1, f1 + 0.1) * 3, 100, 10)  # type: ignore[misc]


def test_the_curve_has_a_line_a_method_with_its_interval() -> None:
    points = [point("pca", 16, 0, 0.2), point("pca", 64, 0, 0.4), point("vae", 16, 0, 0.5), point("vae", 16, 1, 0.7)]
    figure = rate_curve(points)
    assert [plot.get_xlabel() for plot in figure.axes] == ["latent size, floats a window"] * 3
    assert figure.axes[0].get_ylabel() == "F1, held-out songs"
    first, second = figure.axes[0].containers
    assert first.lines[0].get_xydata().tolist() == [[16, 0.2], [64, 0.4]]
    assert second.lines[0].get_xydata().tolist() == [[16, pytest.approx(0.6)]]
    assert np.allclose(second.lines[2][0].get_segments()[0][:, 1], [0.4, 0.8])
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["pca (1 seed)", "vae (2 seeds)"]
    assert rate_curve([]).axes[0].texts[0].get_text() == "no points yet"


def test_the_script_makes_each_point_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import rate_curve as script

    from softaxes.data.music import write_song
    from tests.songs.test_folder_latents import tune

    (tmp_path / "songs").mkdir()
    for number in range(10):
        write_song(tune(number, 8), tmp_path / "songs" / f"{number}.mid")
    words = ["--out", str(tmp_path / "out"), "--corpus", "folder", "--folder", str(tmp_path / "songs"), "--dims", "8",
             "12", "--steps", "2", "--batch", "4", "--methods", "pca", "autoencoder", "beta-vae"]  # fmt: skip
    script.main(words)
    rows = (tmp_path / "out" / "points.jsonl").read_text().splitlines()
    assert [(r["method"], r["dim"]) for r in map(json.loads, rows)] == [
        (method, dim) for method in ("pca", "autoencoder", "beta-vae") for dim in (8, 12)
    ]
    assert (tmp_path / "out" / "rate_curve.png").is_file()
    cut = "\n".join(rows[:-1]) + "\n" + rows[-1][:20]
    (tmp_path / "out" / "points.jsonl").write_text(cut)
    made = []
    real = script.train_code
    monkeypatch.setattr(script, "train_code", lambda *a, **k: made.append(a[1]) or real(*a, **k))
    script.main(words)
    assert made == [12]
    assert (tmp_path / "out" / "points.jsonl").read_text().splitlines() == rows
    with pytest.raises(ValueError, match="holds points of other settings"):
        script.main([*words, "--beta", "2"])
    model = small_model()
    model.card = {"config": {"seed": 0}, "split": {"train": [str(n) for n in range(10)]}}
    save_model(model, tmp_path / "run.safetensors")
    with pytest.raises(ValueError, match=r"learned from 2 of the songs to judge on"):
        script.main([*words, "--runs", str(tmp_path / "run.safetensors")])
