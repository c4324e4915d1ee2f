"""A song is tiled by windows, each piece is read once, and a perfect model gives the true edit of a whole song."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from softaxes.data.music import Song, note_array
from softaxes.geometry.axes import Axes, UnknownKind
from softaxes.songs.codec import decode_song, encode_song, grid_of, read_from, roll_notes
from softaxes.songs.steer import steer_song, turn_and_periods
from softaxes.songs.tiling import tile, window_starts
from tests.songs.song_models import STEPS, Perfect, axes, small_model

ROWS = st.lists(st.tuples(st.integers(0, 120), st.integers(1, 40), st.integers(30, 90)), min_size=1, max_size=25)
METERS = st.sampled_from(
    [
        ((0, 4, 4),),
        ((0, 1, 4), (4, 4, 4)),  # a pickup
        ((0, 4, 4), (32, 2, 4), (40, 4, 4)),
        ((0, 3, 4),),
        ((0, 6, 8),),
        ((0, 5, 4),),
        ((0, 1, 8), (2, 6, 8), (26, 3, 4), (38, 5, 4)),  # a pickup, then three metres
        ((0, 5, 2),),  # bars longer than a window
        ((0, 7, 8), (28, 4, 4)),
    ]
)


def song(rows: list[tuple[int, int, int]], **fields: object) -> Song:
    return Song("a song", note_array(rows), **fields)  # type: ignore[arg-type]


def triples(notes: np.ndarray) -> list[tuple[int, int, int]]:
    return sorted((int(n["onset"]), int(n["duration"]), int(n["pitch"])) for n in notes)


@given(ROWS, METERS, st.sampled_from([8, 16, 32]), st.integers(1, 8))
def test_pieces_tile_the_song_and_each_lies_in_a_window(
    rows: list[tuple[int, int, int]], meters: tuple[tuple[int, int, int], ...], steps: int, longest: int
) -> None:
    made = song(rows, meters=meters)
    pieces, first = tile(made, steps)
    for some in (pieces, tile(made, steps, longest=longest)[0]):
        assert some[0, 0] == 0
        assert (some[1:, 0] == some[:-1, 1]).all()
        assert some[-1, 1] >= made.length_steps
    assert (np.diff(tile(made, steps, longest=longest)[0], axis=1) <= longest).all()
    starts = window_starts(pieces, first, steps)
    assert (np.diff(starts) > 0).all()
    for begin, end in pieces:
        assert any(start <= begin and end <= start + steps for start in starts)


def test_windows_follow_one_another_or_begin_before_every_piece_of_a_delay() -> None:
    made = song([(0, 80, 60)])
    latents = encode_song(Perfect(), made)
    assert latents.start.tolist() == [0, 32, 64]
    assert latents.z.shape == (3, 2 * 128 * STEPS)
    assert encode_song(Perfect(), made, delay_steps=6).start.tolist() == [-6, 10, 26, 42, 58]
    assert encode_song(Perfect(), made, delay_steps=-6).start.tolist() == [0, 16, 32, 48, 64]
    assert encode_song(Perfect(), made, delay_steps=20).pieces[:3].tolist() == [[0, 12], [12, 16], [16, 28]]
    assert encode_song(Perfect(), made, until_step=100).start.tolist() == [0, 32, 64, 96]


def test_a_pickup_stands_at_the_end_of_its_bar() -> None:
    made = song([(0, 4, 60), (4, 16, 62)], meters=((0, 1, 4), (4, 4, 4)))
    latents = encode_song(Perfect(), made)
    assert latents.start.tolist() == [-12]
    roll = latents.z.reshape(2, 128, STEPS)
    assert roll[0, 60].nonzero().tolist() == [[12]]
    assert roll[0, 62].nonzero().tolist() == [[16]]


def test_an_irregular_bar_is_followed_by_what_follows_it() -> None:
    made = song([(0, 16, 60), (16, 8, 61), (24, 16, 62)], meters=((0, 4, 4), (16, 2, 4), (24, 4, 4)))
    latents = encode_song(Perfect(), made)
    assert latents.start.tolist() == [0, 24]
    assert latents.z[0].reshape(2, 128, STEPS)[1, 62].sum() == 8  # heard, though it is read from the next window


def test_a_piece_is_read_where_its_music_was_encoded() -> None:
    for delay in (-4, 4):
        latents = encode_song(Perfect(), song([(0, 64, 60)]), delay_steps=delay)
        assert read_from(latents, delay).tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="`delay_steps` must be less than a window of 32 steps, got 32"):
        encode_song(Perfect(), song([(0, 64, 60)]), delay_steps=32)


@given(ROWS, METERS, st.integers(-12, 12))
def test_pitch_of_a_whole_song_is_exact_where_the_model_is(
    rows: list[tuple[int, int, int]], meters: tuple[tuple[int, int, int], ...], pitch: int
) -> None:
    for texture in ("melody", "full"):
        found = steer_song(Perfect(texture=texture), song(rows, meters=meters), pitch=pitch)
        assert triples(found.notes) == triples(found.true_edit) == triples(found.ceiling)
        assert len(found.true_edit) == len(found.before)


@given(ROWS, METERS, st.integers(-3, 3), st.integers(-70, 70))
def test_metre_of_a_whole_song_is_exact_in_any_metre(
    rows: list[tuple[int, int, int]], meters: tuple[tuple[int, int, int], ...], pitch: int, metre: int
) -> None:
    rows = [*rows, (100, 4, 60)]
    found = steer_song(Perfect(texture="full"), song(rows, meters=meters), pitch=pitch, metre=metre)
    assert triples(found.notes) == triples(found.true_edit) == triples(found.ceiling)
    kept = [row for row in triples(found.before) if row[0] + metre >= 0]
    assert triples(found.true_edit) == [(onset + metre, length, height + pitch) for onset, length, height in kept]


def test_a_note_held_over_seams_is_one_note_and_repeated_ones_stay_two() -> None:
    rows = [(0, 28, 60), (28, 40, 64), (68, 28, 65), (96, 4, 65)]
    found = steer_song(Perfect(), song(rows), pitch=2)
    assert triples(found.notes) == [(onset, length, pitch + 2) for onset, length, pitch in rows]


def test_sustain_that_nothing_began_is_no_note() -> None:
    latents = encode_song(Perfect(), song([(0, 40, 60)]))
    latents.z.reshape(-1, 2, 128, STEPS)[0, :, 60] = 0  # the first window forgets the note that the second holds
    assert len(roll_notes(decode_song(Perfect(), latents))) == 0


class Noisy(Perfect):
    """Hears a note in everything."""

    def decode(self, z: torch.Tensor, *, batch: int = 512) -> torch.Tensor:
        rolls = super().decode(z).clone()
        rolls[:, :, 100, 0] = 1
        return rolls


def test_silent_windows_are_encoded_and_stay_silent() -> None:
    latents = encode_song(Noisy(), song([(0, 4, 60), (100, 4, 60)]))
    assert latents.sounds.tolist() == [True, False, False, True]
    assert len(latents.z) == len(latents) == 4
    assert triples(roll_notes(decode_song(Noisy(), latents))) == [(0, 1, 100), (0, 4, 60), (96, 1, 100), (100, 4, 60)]


def test_a_song_without_notes_has_no_latents() -> None:
    latents = encode_song(small_model(), song([]))
    assert (len(latents), tuple(latents.z.shape)) == (0, (0, 12))
    assert decode_song(small_model(), latents).shape == (2, 128, 0)
    found = steer_song(small_model(), song([]), pitch=3, metre=2)
    assert (len(found.notes), len(found.true_edit), found.windows) == (0, 0, 0)


def test_a_real_network_codes_a_song_window_by_window() -> None:
    model, made = small_model(), song([(0, 8, 60), (8, 40, 64), (60, 4, 70)])
    latents = encode_song(model, made)
    alone = [encode_song(model, song([(0, 8, 60), (8, 40, 64)])).z[0], latents.z[1]]
    assert torch.allclose(latents.z, torch.stack(alone), atol=1e-5)
    assert decode_song(model, latents).shape == (2, 128, 64)


@pytest.mark.parametrize("metre", [17, 31, 32, 33, 48, 100, -17, -32, -49, 16, -16, 5])
def test_beyond_half_a_period_whole_periods_move_exactly(metre: int) -> None:
    """A cycle of 32 steps takes +30 for -2: the rest of a period goes through the latent, periods beside it."""
    made = song([(128 + 4 * i, 3, 60 + i % 7) for i in range(16)])
    true = [(onset + metre, duration, pitch) for onset, duration, pitch in triples(made.notes)]
    steered = steer_song(Perfect(), made, metre=metre)
    assert triples(steered.notes) == triples(steered.true_edit) == triples(steered.ceiling) == true
    turn, periods = turn_and_periods(Perfect(), metre)
    assert turn + periods == metre and periods % 32 == 0 and abs(turn) <= 16


def test_what_cannot_be_steered_is_said() -> None:
    made = song([(0, 4, 60)])
    with pytest.raises(ValueError, match=r"`song` must have 4 steps a beat, got 12"):
        encode_song(Perfect(), song([(0, 4, 60)], steps_per_beat=12))
    with pytest.raises(ValueError, match=r"`metre` must be at most 100000 steps, got -100001"):
        steer_song(Perfect(), made, metre=-100_001)
    with pytest.raises(ValueError, match="no decoder"):
        steer_song(small_model(decoder=False), made, pitch=1)
    deaf = Perfect()
    deaf.axes = Axes([axes()["pitch"]])
    with pytest.raises(UnknownKind, match="unknown kind 'metre'"):
        steer_song(deaf, made, metre=1)
    deaf.card = {}
    with pytest.raises(ValueError, match=r"inputs of shape \(2, 128, 32\), not windows of music"):
        grid_of(deaf)


def test_notes_that_leave_are_left_out_of_the_true_edit() -> None:
    found = steer_song(Perfect(), song([(0, 4, 126), (8, 4, 60), (16, 4, 127)]), pitch=2)
    assert triples(found.true_edit) == triples(found.notes) == [(8, 4, 62)]
