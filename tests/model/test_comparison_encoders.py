"""Networks to compare with: what each commutes with, and what it does not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from softaxes.geometry.shifts import shift
from softaxes.model.networks.ablations import RollViT, StridedEncoder
from softaxes.model.part import Part

STEPS, DIM = 32, 16
SMALL = {
    "RollViT": {"width": 12, "depth": 1, "heads": 2},
    "StridedEncoder": {"width": 16, "depth": 1, "channels": 4},
}


def windows(n: int = 4) -> Tensor:
    """Random melodies between pitches 50 and 75, in the middle of silence; their onsets are not spread evenly."""
    rolls = torch.zeros(n, 2, 128, STEPS)
    for roll in rolls:
        for step in (8, 10, 11, 15, 20):
            pitch = int(torch.randint(50, 75, ()))
            roll[0, pitch, step] = 1
            roll[1, pitch, step : step + int(torch.randint(1, 5, ()))] = 1
    return rolls


def transposed(rolls: Tensor, semitones: int) -> Tensor:
    return shift(rolls, torch.full((len(rolls),), semitones), dim=-2, edge="zero")[0]


def delayed(rolls: Tensor, steps: int) -> Tensor:
    return shift(rolls, torch.full((len(rolls),), steps), dim=-1, edge="zero")[0]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("steps", [16, 32])
def test_each_is_built_by_name_trains_and_takes_silence(name: str, steps: int) -> None:
    network = Part(name, {"steps": steps, "dim": DIM, **SMALL[name]}).build()
    rolls = torch.cat([windows(3)[..., :steps], torch.zeros(1, 2, 128, steps)])
    for given in (rolls, rolls.to(torch.uint8)):
        z = network(given)
        assert z.shape == (4, DIM)
        assert z.dtype == torch.float32
        assert torch.isfinite(z).all()
    z.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(network(rolls)).all()


@pytest.mark.parametrize("name", SMALL)
def test_a_window_is_coded_alike_alone_and_in_a_batch(name: str) -> None:
    network, rolls = Part(name, {"steps": STEPS, "dim": DIM, **SMALL[name]}).build(), windows()
    alone = torch.cat([network(rolls[i : i + 1]) for i in range(4)])
    assert torch.allclose(network(rolls), alone, atol=1e-5)
    assert (network(rolls)[0] - network(rolls)[1]).norm() > 1e-3


def test_silent_tokens_do_not_speak() -> None:
    network, rolls = RollViT(STEPS, DIM, width=12, depth=2, heads=2).eval(), windows()
    before = network(rolls)
    with torch.no_grad():
        network.row[100:] += 10.0  # no note is up there
        assert torch.allclose(network(rolls), before, atol=1e-5)
        network.row[50:75] += 1.0
        assert not torch.allclose(network(rolls), before, atol=1e-2)


@torch.no_grad()
def grid_shift_error(stem: object, rolls: Tensor, semitones: int, rows: int) -> float:
    """How far the stem of the transposed window is from the nearest shift of the stem's own grid, relative."""
    before, after = stem(rolls), stem(transposed(rolls, semitones))  # type: ignore[operator]
    reach = semitones // rows + 1
    candidates = [(after - before.roll(by, dims=2)).norm() for by in range(-reach, reach + 1)]
    quiet = stem(torch.zeros_like(rolls))  # type: ignore[operator]
    return float(min(candidates) / (after - quiet).norm())


def test_strided_patches_alias_and_a_patch_of_one_semitone_does_not() -> None:
    rolls = windows()
    strided = StridedEncoder(STEPS, DIM, **SMALL["StridedEncoder"]).stem
    assert grid_shift_error(strided, rolls, 4, 4) < 1e-5
    for semitones in (1, 2, 3, 5):
        assert grid_shift_error(strided, rolls, semitones, 4) > 0.3
    fine = StridedEncoder(STEPS, DIM, **SMALL["StridedEncoder"], rows=1).stem
    assert max(grid_shift_error(fine, rolls, semitones, 1) for semitones in (1, 2, 3, 5)) < 1e-5


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("RollViT", {"patch": 5}, "`patch` must divide the window of 32 steps, got 5"),
        ("RollViT", {"width": 13}, "`width` must be a multiple of 2 heads, got 13"),
        ("StridedEncoder", {"rows": 3}, "`rows` and `columns` must divide 128 and 32, got 3 and 4"),
    ],
)
def test_settings_that_do_not_fit(name: str, wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Part(name, {"steps": STEPS, "dim": DIM, **SMALL[name], **wrong}).build()
