"""Spectra: known ranks, twins, unfoldings of a grid written out."""

from __future__ import annotations

import numpy as np
import pytest

from softaxes.data import blobs
from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.spectrum import (
    effective_rank,
    grid_spectra,
    pca_ratios,
    principal_directions,
    rank_of_spectrum,
    spectrum_interval,
    variances_of,
)

from . import naive, worlds


def test_known_ranks(rng):
    basis = np.eye(8)[:3]
    flat = np.concatenate([basis, -basis])
    assert effective_rank(flat) == pytest.approx(3)
    assert effective_rank(rng.standard_normal((20_000, 8))) == pytest.approx(8, abs=0.01)
    line = rng.standard_normal((50, 1)) * np.ones(8)
    assert effective_rank(line + 100) == pytest.approx(1, abs=1e-6)
    assert effective_rank(np.full((10, 4), 3.7)) == 0
    assert effective_rank(np.concatenate([flat, flat], axis=1)) == pytest.approx(3)


def test_rank_against_twin(rng):
    z = rng.standard_normal((40, 6)) * np.arange(1, 7) + 5
    assert effective_rank(z) == pytest.approx(naive.effective_rank(z))


def test_pca_of_the_two_line_world(rng):
    world = worlds.perfect(rng, items=500)
    d = (world["views"] - world["anchor"][:, None]).reshape(-1, 12)
    ratios = pca_ratios(d, components=4)
    assert ratios[:2].sum() == pytest.approx(1) and ratios[2:] == pytest.approx(0, abs=1e-12)
    assert ratios[0] == pytest.approx(0.49 / (0.49 + 0.16), abs=0.02)
    assert np.isnan(pca_ratios(np.ones((5, 3)))).all()
    assert pca_ratios(rng.standard_normal((20_000, 10))) == pytest.approx([0.1, 0.1], abs=0.005)


def test_grid_of_a_perfect_encoder_and_of_noise(rng):
    """A plane of two orthogonal lines unfolds into two equal halves either way; noise into a flat spectrum."""
    steps = np.arange(-4, 5)
    plane = np.stack(np.broadcast_arrays(steps[:, None], steps[None], np.zeros((9, 9))), axis=-1)[None].astype(float)
    spectra = grid_spectra(plane + 7)
    assert spectra.pitch[0] == pytest.approx([0.5, 0.5] + [0] * 7, abs=1e-9)
    assert spectra.time[0] == pytest.approx([0.5, 0.5] + [0] * 7, abs=1e-9)
    noise = grid_spectra(rng.standard_normal((20, 9, 9, 200)))
    assert noise.first == pytest.approx((1 / 9, 1 / 9), abs=0.02)


def test_grid_unfoldings_against_loops(rng):
    grid = rng.standard_normal((3, 4, 5, 2)) + 3
    spectra = grid_spectra(grid)
    energy = grid_spectra(grid, energy=True)
    for n in range(3):
        centred = grid[n] - grid[n].reshape(-1, 2).mean(axis=0)
        by_pitch = np.array([[centred[p, t, d] for t in range(5) for d in range(2)] for p in range(4)])
        by_time = np.array([[centred[p, t, d] for p in range(4) for d in range(2)] for t in range(5)])
        for matrix, found, squared in (
            (by_pitch, spectra.pitch[n], energy.pitch[n]),
            (by_time, spectra.time[n], energy.time[n]),
        ):
            values = np.sqrt(np.maximum(np.linalg.eigvalsh(matrix @ matrix.T)[::-1], 0))
            assert found == pytest.approx(values / values.sum())
            assert squared == pytest.approx(values**2 / (values**2).sum())


def test_grid_of_the_blob_world_and_of_a_constant():
    images = blobs.shift_grid(blobs.blob_images(4, seed=0, margin=4))
    latents = images.flatten(3).numpy()
    assert grid_spectra(latents).pitch.shape == (4, 9)
    assert np.isnan(grid_spectra(np.full((2, 3, 3, 4), 5.0)).pitch).all()


def test_interval_of_the_rank_holds_the_truth(rng):
    z = rng.standard_normal((600, 4)) * [2, 1, 1, 0.5]
    truth = float(rank_of_spectrum(np.array([[4.0, 1, 1, 0.25]]))[0])
    group = np.repeat(np.arange(150), 4)
    low, high = spectrum_interval(z, Bootstrap(group, n=300), np.arange(600), rank_of_spectrum)
    assert low < truth < high and high - low < 0.5


@pytest.mark.parametrize("dims", [3, 50])
def test_interval_of_the_rank_against_redrawn_rows(rng, dims):
    z, group = rng.standard_normal((30, dims)), np.repeat(np.arange(10), 3)
    draws = Bootstrap(group, n=50, seed=1)
    ranks = [naive.effective_rank(z[np.repeat(np.arange(30), counts[group].astype(int))]) for counts in draws.counts]
    below, above = np.quantile(ranks, [0.025, 0.975])
    value = naive.effective_rank(z)
    found = spectrum_interval(z, draws, np.arange(30), rank_of_spectrum, high=dims)
    assert found == pytest.approx((min(2 * value - above, value), min(2 * value - below, dims)))


@pytest.mark.parametrize("rows, dims", [(30, 4), (5, 12)])
def test_principal_directions_against_the_covariance(rng, rows, dims):
    z = rng.standard_normal((rows, dims)) * np.arange(1, dims + 1)
    values, directions = principal_directions(z)
    assert values == pytest.approx(np.sort(np.linalg.eigvalsh(z.T @ z))[::-1][: min(rows, dims)])
    assert directions @ directions.T == pytest.approx(np.eye(len(values)), abs=1e-9)
    assert np.square(z @ directions.T).sum(axis=0) == pytest.approx(values)


def test_variances_are_descending_and_clean(rng):
    z = rng.standard_normal((10, 1)) * np.ones(5)
    values = variances_of(z)
    assert values[0] > 0 and (values[1:] == 0).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: effective_rank(np.zeros((1, 3))), r"`latents` must have shape \(N, D\) with N >= 2, got \(1, 3\)"),
        (lambda: effective_rank(np.full((3, 3), np.nan)), r"`latents` must be finite"),
        (lambda: effective_rank(np.zeros(3)), r"`latents` must have shape \(N, D\), got \(3,\)"),
        (lambda: pca_ratios(np.zeros((4, 2)), components=3), r"`components` must lie in 1..D .* got 3 for \(4, 2\)"),
        (lambda: grid_spectra(np.zeros((3, 3, 3))), r"`grid` must have shape \(n, P, T, D\), got \(3, 3, 3\)"),
        (lambda: grid_spectra(np.zeros((2, 1, 1, 3))), r"`grid` must have shape .* with P T >= 2, got \(2, 1, 1, 3\)"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
