"""Register and chroma are read off the roll, exactly, whatever the content's network is; odd windows have a result."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from softaxes.model.networks.frames import (
    CHROMA,
    FRAMED,
    OUTSIDE,
    SEMITONE,
    SILENCE,
    FramedEncoder,
    chroma_planes,
    frame,
    lowest_row,
    placed,
)
from softaxes.model.part import Part
from tests.model.rolls import STEPS, framed_model, melodies, odd_windows, transposed

ENCODERS = ("turning", "plain")


def test_the_lowest_row_is_the_loops() -> None:
    rolls = torch.cat([melodies(), odd_windows()])
    for roll, found in zip(rolls, lowest_row(rolls).tolist(), strict=True):
        sounding = [pitch for pitch in range(128) if roll[:, pitch].any()]
        assert found == (min(sounding) if sounding else SILENCE)


def test_a_frame_is_the_rows_above_the_lowest_and_comes_back_where_it_was() -> None:
    rolls = odd_windows()
    lowest = lowest_row(rolls)
    rows = frame(rolls, lowest, 20)
    for roll, low, seen in zip(rolls, lowest.tolist(), rows, strict=True):
        for row in range(20):
            expected = roll[:, low + row] if low + row < 128 else torch.zeros(2, STEPS)
            assert torch.equal(seen[:, row], expected)
    back = placed(rows, lowest)
    for roll, low, seen in zip(rolls, lowest.tolist(), back, strict=True):
        assert torch.equal(seen[:, low : low + 20], roll[:, low : low + 20])
        assert (seen[:, :low] == OUTSIDE).all() and (seen[:, low + 20 :] == OUTSIDE).all()


@pytest.mark.parametrize("lowest", [-30, -20, -5, 120, 127, 128, 200])
def test_a_frame_that_stands_outside_loses_what_is_there(lowest: int) -> None:
    rows = torch.rand(1, 2, 20, STEPS)
    seen = placed(rows, torch.tensor([lowest]))
    for pitch in range(128):
        row = pitch - lowest
        assert torch.equal(seen[0, :, pitch], rows[0, :, row] if 0 <= row < 20 else torch.full((2, STEPS), OUTSIDE))


def test_chroma_is_the_loops() -> None:
    rolls = melodies()
    for roll, planes in zip(rolls, chroma_planes(rolls), strict=True):
        total = float(roll[1].sum())
        for h in range(1, 7):
            x = sum(float(roll[1, p].sum()) * math.cos(2 * math.pi * h * p / 12) for p in range(128)) / total
            y = sum(float(roll[1, p].sum()) * math.sin(2 * math.pi * h * p / 12) for p in range(128)) / total
            got = planes[2 * h - 2 : 2 * h].tolist()
            assert got == pytest.approx([x * CHROMA / math.sqrt(6), y * CHROMA / math.sqrt(6)], abs=1e-5)
    assert chroma_planes(odd_windows())[0].tolist() == [0.0] * 12


@pytest.mark.parametrize("encoder", ENCODERS)
def test_transposition_moves_register_and_chroma_alone_and_exactly(encoder: str) -> None:
    model, rolls = framed_model(encoder), melodies()
    z = model.encode(rolls)
    for semitones in (-50, -12, -1, 3, 7, 24, 52):
        moved = model.encode(transposed(rolls, semitones))
        torch.testing.assert_close(moved[:, 0] - z[:, 0], torch.full((4,), SEMITONE * semitones), atol=1e-5, rtol=0)
        assert torch.equal(moved[:, FRAMED:], z[:, FRAMED:])
        torch.testing.assert_close(model.steer(z, pitch=semitones), moved, atol=1e-5, rtol=1e-5)


def test_a_fifth_is_one_place_of_the_circle_of_fifths() -> None:
    rolls = melodies()
    before, after = (chroma_planes(x)[:, 8:10] for x in (rolls, transposed(rolls, 7)))  # harmonic 5 is 7 backwards
    angle = torch.atan2(after[:, 1], after[:, 0]) - torch.atan2(before[:, 1], before[:, 0])
    steps = (angle / (2 * math.pi / 12)).remainder(12)
    assert (steps - 11).abs().max() < 1e-3


@pytest.mark.parametrize("encoder", ENCODERS)
def test_steering_pitch_moves_the_decoded_rows_and_loses_those_outside(encoder: str) -> None:
    model = framed_model(encoder)
    z = model.encode(melodies())
    decoded, silent = model.decode(z), float(torch.sigmoid(torch.tensor(OUTSIDE)))
    for semitones in (-60, -12, 5, 70):
        moved = model.decode(model.steer(z, pitch=semitones))
        for pitch in range(128):
            source = pitch - semitones
            if 0 <= source < 128:
                assert torch.equal(moved[:, :, pitch], decoded[:, :, source])
            else:
                assert torch.allclose(moved[:, :, pitch], torch.full((), silent))


@pytest.mark.parametrize("register", [-1e30, -500.0, 500.0, 1e30])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_register_far_outside_decodes_to_silence(encoder: str, register: float) -> None:
    z = torch.randn(2, 31)
    z[:, 0] = register
    assert framed_model(encoder).decode(z).max() < 1e-4


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_register_between_two_rows_stands_at_the_nearer(encoder: str) -> None:
    model = framed_model(encoder)
    z = model.encode(melodies())
    assert torch.equal(model.decode(model.steer(z, pitch=2.4)), model.decode(model.steer(z, pitch=2)))
    assert torch.equal(model.decode(model.steer(z, pitch=2.6)), model.decode(model.steer(z, pitch=3)))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_odd_windows_have_latents_and_decode(encoder: str) -> None:
    model = framed_model(encoder)
    for rolls in (odd_windows(), odd_windows().numpy().astype(np.uint8), odd_windows().bool(), odd_windows().double()):
        z = model.encode(rolls)
        assert z.dtype == torch.float32 and torch.isfinite(z).all()
        assert torch.equal(z, model.encode(odd_windows()))
        notes = model.decode(z)
        assert notes.shape == (5, 2, 128, STEPS) and notes.min() >= 0 and notes.max() <= 1
    assert z[0, :FRAMED].tolist() == [0.0] * FRAMED  # silence stands at middle C, and has no pitch class
    assert model.encode(torch.zeros(0, 2, 128, STEPS)).shape == (0, 31)
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="`windows` must be finite, got NaN or infinity"):
            model.encode(torch.full((1, 2, 128, STEPS), bad))
    with pytest.raises(ValueError, match=r"must hold 0 where nothing sounds and 1 where a note does, got 0..100"):
        model.encode(100 * odd_windows())


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_window_is_coded_alike_alone_and_in_a_batch(encoder: str) -> None:
    model, rolls = framed_model(encoder), torch.cat([melodies(), odd_windows()])
    z = model.encode(rolls)
    torch.testing.assert_close(model.encode(rolls, batch=1), z, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model.decode(z, batch=1), model.decode(z), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_bfloat16_leaves_register_and_chroma_as_they_are(encoder: str) -> None:
    model, rolls = framed_model(encoder), melodies()
    exact, fast = model.encode(rolls), model.encode(rolls, precision="bf16")
    assert torch.equal(fast[:, :FRAMED], exact[:, :FRAMED])
    assert (fast - exact).norm() < 0.02 * exact.norm()
    torch.testing.assert_close(model.decode(exact, precision="bf16"), model.decode(exact), atol=0.05, rtol=0.05)


def test_a_frame_has_1_to_128_rows() -> None:
    for rows in (0, 129):
        with pytest.raises(ValueError, match=rf"`rows` of a frame must be 1..128, got {rows}"):
            FramedEncoder(rows)
    with pytest.raises(ValueError, match="`dim` must be > 13 to hold register and chroma, got 13"):
        Part("PlainEncoder", {"dim": 13}).build()
