"""A plain network knows nothing of time; it starts as principal components of frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from softaxes.model.networks.decoders import DENSITY
from softaxes.model.networks.frames import CONTRAST, FRAMED, STRETCH, frame, lowest_row
from softaxes.model.networks.plain import PlainDecoder, PlainEncoder, start_from_components
from tests.model.rolls import framed_model, melodies

SMALL = {"steps": 8, "rows": 26, "width": 16, "depth": 1}


def test_nothing_of_it_turns_with_delay_before_it_learns() -> None:
    model, rolls = framed_model("plain"), melodies()
    z, moved = model.encode(rolls), model.encode(rolls.roll(3, dims=3))
    assert (model.steer(z, metre=3) - moved).norm() > 0.5 * (z - moved).norm()


@pytest.mark.parametrize("dim", [15, 40, 213])
def test_the_linear_paths_start_at_principal_components(dim: int) -> None:
    windows = melodies(60, steps=8, low=50, high=70)
    frames = frame(windows, lowest_row(windows), 26).flatten(1).numpy().astype(float)
    encoder, decoder = PlainEncoder(dim=dim, **SMALL), PlainDecoder(dim=dim, **SMALL)
    start_from_components(encoder, decoder, windows)
    with torch.no_grad():
        code = encoder.linear(torch.from_numpy(frames).float())
        got = decoder.linear(code).numpy() / CONTRAST
    vectors = np.linalg.svd(frames, full_matrices=False)[2][: dim - FRAMED]
    best = frames @ vectors.T @ vectors
    error, least = (np.square(x - frames).sum() for x in (got, best))
    assert error <= 1.01 * least + 1e-3
    assert np.square(code.numpy()).sum() == pytest.approx(STRETCH**2 * np.square(best).sum(), rel=1e-3)


def test_it_starts_at_the_density_of_notes() -> None:
    decoder = PlainDecoder(dim=20, **SMALL)
    torch.testing.assert_close(torch.sigmoid(decoder.bias), torch.tensor(DENSITY))
    with pytest.raises(ValueError, match="`density` must lie between 0 and 1"):
        PlainDecoder(dim=20, **SMALL, density=(0.0, 0.2))


def test_a_code_has_dim_numbers_and_all_weights_learn() -> None:
    encoder, decoder = PlainEncoder(dim=20, **SMALL), PlainDecoder(dim=20, **SMALL)
    z = encoder(melodies(steps=8))
    assert z.shape == (4, 20)
    decoder(z).square().sum().backward()
    for network in (encoder, decoder):
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
