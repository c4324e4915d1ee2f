"""A turning network commutes with circular delay, exactly, and starts as the best linear code that does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from softaxes.geometry.kinds import Cycle
from softaxes.geometry.operators import LearnedOperators
from softaxes.model.model import Model
from softaxes.model.networks.frames import CONTRAST, FRAMED, frame, lowest_row
from softaxes.model.networks.turning import FromPlanes, ToPlanes, TurningDecoder, TurningEncoder, start_from_components
from softaxes.model.part import Part
from tests.model.rolls import STEPS, framed_model, melodies, odd_windows

SMALL = {"steps": 8, "planes": (2, 1, 2, 1), "invariants": 3, "rows": 26, "width": 16, "depth": 1}


@pytest.mark.parametrize("steps", [2, 8, 24, 32])
@pytest.mark.parametrize("dim", [15, 30, 64])
def test_a_circular_delay_turns_the_code_exactly(steps: int, dim: int) -> None:
    model, rolls = framed_model("turning", dim=dim, steps=steps), melodies(steps=max(steps, 8))[..., :steps]
    rolls[:, 0, 60, 0] = 1
    z = model.encode(rolls)
    decoded = model.decode(z)
    for delay in {1, -1, 3, steps // 2, steps - 1}:
        turned = model.steer(z, metre=delay)
        torch.testing.assert_close(turned, model.encode(rolls.roll(delay, dims=3)), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(model.decode(turned), decoded.roll(delay, dims=3), atol=1e-4, rtol=1e-4)


def test_half_steps_compose_and_whole_periods_are_nothing() -> None:
    model = framed_model("turning")
    z = model.encode(torch.cat([melodies(), odd_windows()]))
    half = model.steer(z, metre=0.5)
    torch.testing.assert_close(model.steer(half, metre=0.5), model.steer(z, metre=1), atol=1e-5, rtol=1e-5)
    assert (half - z).norm() > 1e-2
    assert torch.isfinite(model.decode(half)).all()
    torch.testing.assert_close(model.steer(half, metre=-0.5), z, atol=1e-5, rtol=1e-5)
    for turns in (-3, 1, 2):
        beyond = model.steer(z, metre=turns * STEPS + 5)
        torch.testing.assert_close(beyond, model.steer(z, metre=5), atol=1e-5, rtol=1e-5)


def test_a_note_held_all_through_does_not_turn() -> None:
    model = framed_model("turning")
    z = model.encode(odd_windows()[[0, 2]])
    torch.testing.assert_close(model.steer(z, metre=7), z, atol=1e-5, rtol=0)


def test_a_cycle_of_another_period_turns_as_it_says_and_is_no_delay() -> None:
    """A model may be given a cycle whose period is not its window: its own whole periods are nothing."""
    bare = framed_model("turning")
    kind = Cycle("metre", 20, harmonics=(1, 2))
    axes = LearnedOperators((kind,), 31, learned=False).fitted(torch.zeros(31))
    model = Model(bare.parts["encoder"], axes, (2, 128, STEPS))
    z = model.encode(melodies())
    torch.testing.assert_close(model.steer(z, metre=20), z, atol=1e-5, rtol=1e-5)
    assert (model.steer(z, metre=STEPS) - z).norm() > 1e-2


def test_the_code_has_as_many_numbers_as_it_says() -> None:
    for planes, invariants in (((2, 1, 2, 1), 3), ((1, 0, 0, 0), 0), ((0, 0, 0, 1), 1), ((0, 0, 0, 0), 2)):
        arguments = {**SMALL, "planes": planes, "invariants": invariants}
        encoder, decoder = TurningEncoder(**arguments), TurningDecoder(**arguments)
        z = encoder(melodies(steps=8))
        assert z.shape == (4, FRAMED + 2 * sum(planes) + invariants)
        assert decoder(z).shape == (4, 2, 128, 8)


def test_planes_are_the_sums_of_a_fourier_series() -> None:
    """Number for number: harmonics by loops, each channel's complex weight, conjugated as a delay turns forwards."""
    to, sequence = ToPlanes(3, 8, (2, 1, 2, 1), 3), torch.randn(2, 3, 8)
    code, weight = to(sequence).detach().numpy(), to.maps().detach().numpy()
    numbers: list[np.ndarray] = []
    for place, (harmonic, count) in enumerate(zip((1, 2, 3, 4, 0), (2, 1, 2, 1, 2), strict=True)):
        wave = np.exp(2j * np.pi * harmonic * np.arange(8) / 8) / np.sqrt(8)
        plane = (sequence.numpy() @ wave) @ weight[place]
        for one in range(count):
            numbers += [plane[:, one].real, plane[:, one].imag]
    np.testing.assert_allclose(code, np.stack(numbers, axis=1)[:, :15], atol=1e-5)


def test_the_way_back_is_the_sum_of_its_waves() -> None:
    back, code = FromPlanes(3, 8, (2, 1, 2, 1), 3), torch.randn(2, 15)
    weight, rest = back.maps().detach().numpy(), np.pad(code.numpy(), ((0, 0), (0, 1)))
    total, at = np.zeros((2, 3, 8)), 0
    for place, (harmonic, count) in enumerate(zip((1, 2, 3, 4, 0), (2, 1, 2, 1, 2), strict=True)):
        planes = rest[:, at : at + 2 * count : 2] + 1j * rest[:, at + 1 : at + 2 * count : 2]
        at += 2 * count
        spectrum = planes @ weight[place, :, :count].T
        wave = np.exp(-2j * np.pi * harmonic * np.arange(8) / 8) / np.sqrt(8)
        twice = 1 if harmonic in (0, 4) else 2  # the others stand for two harmonics, h and -h
        total += twice * (spectrum[..., None] * wave).real
    np.testing.assert_allclose(back(code).detach().numpy(), total, atol=1e-5)


class Silent(nn.Module):
    """In place of convolutions that are to add nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), self.channels, x.shape[2])


def linear_pair(windows: Tensor, **changes: object) -> tuple[TurningEncoder, TurningDecoder]:
    """Encoder and decoder at the start, without their convolutions."""
    arguments = {**SMALL, **changes}
    encoder, decoder = TurningEncoder(**arguments), TurningDecoder(**arguments)  # type: ignore[arg-type]
    start_from_components(encoder, decoder, windows)
    encoder.along, decoder.along = Silent(16), Silent(2 * int(arguments["rows"]))  # type: ignore[assignment, call-overload]
    return encoder, decoder


def rebuilt(encoder: TurningEncoder, decoder: TurningDecoder, windows: Tensor) -> np.ndarray:
    """Frames that the pair gives back, (n, channels, steps)."""
    with torch.no_grad():
        log_odds = decoder.content(encoder(windows)[:, FRAMED:]) - decoder.bias[:, None, None]
    return log_odds.flatten(1, 2).numpy() / CONTRAST


def best_of_each_harmonic(frames: np.ndarray, planes: tuple[int, ...], invariants: int) -> np.ndarray:
    """Slow twin: for each harmonic the singular vectors of its spectrum; real ones of real spectra."""
    steps = frames.shape[2]
    spectrum = np.fft.fft(frames, axis=2)
    for harmonic in range(steps // 2 + 1):
        real = harmonic in (0, steps // 2)
        x = spectrum[:, :, harmonic].real if real else spectrum[:, :, harmonic]
        number = invariants if harmonic == 0 else planes[harmonic - 1] * (2 if real else 1)
        vectors = np.linalg.svd(x, full_matrices=False)[2][:number]
        kept = x @ vectors.conj().T @ vectors
        spectrum[:, :, harmonic] = kept
        if not real:
            spectrum[:, :, -harmonic] = kept.conj()
    return np.fft.ifft(spectrum, axis=2).real


@pytest.mark.parametrize("rows", [13, 26])
def test_it_starts_as_the_principal_components_of_each_harmonic(rows: int) -> None:
    windows = melodies(60, steps=8, low=50, high=70)
    frames = frame(windows, lowest_row(windows), rows).flatten(1, 2).numpy().astype(float)
    encoder, decoder = linear_pair(windows, rows=rows)
    got = rebuilt(encoder, decoder, windows)
    np.testing.assert_allclose(got, best_of_each_harmonic(frames, SMALL["planes"], 3), atol=1e-4)  # type: ignore[arg-type]


def test_no_other_linear_code_of_as_many_numbers_is_nearer_the_frames() -> None:
    windows = melodies(60, steps=8, low=50, high=70)
    frames = frame(windows, lowest_row(windows), 26).flatten(1, 2).numpy().astype(float)
    encoder, decoder = linear_pair(windows)
    best = np.square(rebuilt(encoder, decoder, windows) - frames).sum()
    for seed in range(5):
        rng = np.random.default_rng(seed)
        spectrum = np.fft.fft(frames, axis=2)
        for harmonic in range(5):
            x, number = spectrum[:, :, harmonic], 3 if harmonic == 0 else SMALL["planes"][harmonic - 1]  # type: ignore[index]
            basis = np.linalg.svd(x, full_matrices=False)[2][:number].T
            basis = np.linalg.qr(basis + 0.05 * rng.normal(size=basis.shape))[0]
            spectrum[:, :, harmonic] = x @ basis.conj() @ basis.T
            if 0 < harmonic < 4:
                spectrum[:, :, -harmonic] = spectrum[:, :, harmonic].conj()
        assert np.square(np.fft.ifft(spectrum, axis=2).real - frames).sum() > best - 1e-6


def test_more_planes_than_rows_keep_everything() -> None:
    windows = melodies(60, steps=8, low=50, high=56)
    encoder, decoder = linear_pair(windows, rows=6, planes=(20, 20, 20, 20), invariants=21)
    frames = frame(windows, lowest_row(windows), 6).flatten(1, 2).numpy()
    np.testing.assert_allclose(rebuilt(encoder, decoder, windows), frames, atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 7}, "`steps` must be even, got 7"),
        ({"planes": (1, 2, 3)}, r"`planes` must have a number >= 0 for each harmonic 1..4, .* got \(1, 2, 3\), 3"),
        ({"planes": (1, 2, 3, -1)}, r"`planes` must have a number >= 0 for each harmonic"),
        ({"planes": (0, 0, 0, 0), "invariants": 0}, "must leave a code, got none"),
        ({"width": 20}, "`width` must be a multiple of 8, got 20"),
        ({"rows": 0}, r"`rows` of a frame must be 1..128, got 0"),
    ],
)
@pytest.mark.parametrize("name", ["TurningEncoder", "TurningDecoder"])
def test_settings_that_do_not_fit(name: str, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Part(name, {**SMALL, **wrong}).build()
