"""The code of a clip: its features, its files, and that it forgets register and place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from softaxes.motifs.clip_code import (
    DIMENSIONS,
    FEATURES,
    GAPS,
    INTERVALS,
    ClipEncoder,
    code_similarity,
    codes,
    learned_encoder,
    load_encoder,
    note_features,
    save_encoder,
)

from .pieces import clip, placed, random_clip


def test_features_of_known_notes() -> None:
    features, valid = note_features(
        [(np.array([1.0, 1.5, 1.5]), np.array([60, 67, 48])), (np.array([0.3]), np.array([72]))]
    )
    assert features.shape == (2, 3, FEATURES)
    assert valid.tolist() == [[True, True, True], [True, False, False]]
    torch.testing.assert_close(features[0, :, 0], torch.tensor([0.0, 7 / 12, -1.0]))
    torch.testing.assert_close(features[0, :, 1], torch.tensor([0.25, 0.375, 0.375]))
    steps = features[0, :, 2 : 2 + INTERVALS].argmax(1) - 12
    assert steps.tolist() == [0, 7, -12]  # -19 is told as -12
    gaps = features[0, :, 2 + INTERVALS : 2 + INTERVALS + GAPS].argmax(1)
    assert gaps[0] == gaps[2] == 0
    assert gaps[1] == 6
    assert features[1, 0, 2 + INTERVALS + GAPS :].argmax() == 4  # on no sixteenth


def test_padding_changes_nothing(rng: np.random.Generator) -> None:
    encoder = ClipEncoder().eval()
    short, long = (np.arange(4) / 2, rng.integers(50, 70, 4)), (np.arange(20) / 4, rng.integers(50, 70, 20))
    with torch.no_grad():
        alone, together = encoder(*note_features([short]))[0], encoder(*note_features([short, long]))[0]
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)


def test_weights_and_axes_survive_a_file(tmp_path: Path, rng: np.random.Generator) -> None:
    encoder, axes = learned_encoder()
    save_encoder(encoder, axes, tmp_path / "code.npz")
    again, same_axes = load_encoder(tmp_path / "code.npz")
    notes = note_features([(np.arange(5) / 2, rng.integers(50, 70, 5))])
    with torch.no_grad():
        torch.testing.assert_close(again(*notes), encoder(*notes), atol=1e-2, rtol=1e-2)
    torch.testing.assert_close(same_axes["pitch"].direction, axes["pitch"].direction)
    assert (tmp_path / "code.npz").stat().st_size < 1_000_000


def test_codes_have_unit_length_and_forget_whole_bars(rng: np.random.Generator) -> None:
    clips = [random_clip(rng) for _ in range(8)]
    z = codes(clips)
    assert z.shape == (8, DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
    later = [clip(np.stack([c.onset + 5 * 4 * 480, c.midi], axis=1)) for c in clips]
    np.testing.assert_allclose(codes(later), z, atol=1e-5)
    assert codes([]).shape == (0, DIMENSIONS)
    with pytest.raises(ValueError, match="at least one note"):
        codes([clip([])])


def test_register_and_beat_are_told_by_the_axes_and_absent_from_the_code(rng: np.random.Generator) -> None:
    encoder, axes = learned_encoder()
    shapes = [(np.cumsum(rng.choice([0.25, 0.5, 1.0], 6)), 60 + rng.integers(-6, 7, 6)) for _ in range(40)]
    with torch.no_grad():
        z = encoder(*note_features(shapes))
        up = encoder(*note_features([(o, p + 5) for o, p in shapes]))
        later = encoder(*note_features([(o + 1, p) for o, p in shapes]))
    moved = axes["pitch"].coordinate(up) - axes["pitch"].coordinate(z)
    assert abs(float(moved.mean()) - 5) < 0.75  # of random pitches, which no tune resembles
    assert abs(float((axes["position"].coordinate(later) - axes["position"].coordinate(z)).mean()) - 1) < 0.2
    content = [axes.remove(x) - axes["pitch"].origin for x in (z, up)]
    cosine = torch.nn.functional.normalize(content[0], dim=1) @ torch.nn.functional.normalize(content[1], dim=1).T
    assert float((cosine.argmax(1) == torch.arange(40)).float().mean()) > 0.9


def test_a_return_is_nearer_than_another_tune() -> None:
    motif, other = clip(placed(0, 60)), clip([(0, 60), (960, 59), (1440, 60), (1920, 54), (2400, 71)])
    near, far = code_similarity([motif], [clip(placed(960, 67)), other])[0]
    assert near > 0.9 > far
