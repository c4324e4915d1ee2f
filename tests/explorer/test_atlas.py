"""The map: every window once, the places the model gives, a stop that loses nothing."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from softaxes.data.music import Limits, Song, note_array, write_song
from softaxes.data.music.beats import Beats
from softaxes.data.music.read import song_from_midi
from softaxes.data.music.rolls import notes_to_roll
from softaxes.explorer.atlas import Atlas, key_of, two_components
from softaxes.explorer.library import Library
from softaxes.explorer.reader import LIMITS, Reader
from softaxes.geometry.alignment import invariants
from softaxes.model.model import Model

from .conftest import STEPS, tune


def atlas_of(model: Model, folder: Path | None, cache: Path) -> Atlas:
    return Atlas(model, library_of(folder), threading.Lock(), lambda: 0.0, cache)


class HereReader(Reader):
    """Reads in this process: starting another for each test takes seconds."""

    def read(
        self, data: bytes, name: str, steps_per_beat: int, limits: Limits = LIMITS, beats: Beats | None = None
    ) -> Song:
        return song_from_midi(data, name, steps_per_beat, limits=limits, beats=beats)


def library_of(folder: Path | None) -> Library:
    made = Library(4, folder=folder)
    made.reader = HereReader()
    return made


@pytest.fixture
def done(model: Model, folder: Path, tmp_path: Path) -> Atlas:
    made = atlas_of(model, folder, tmp_path)
    made.run()
    yield made  # type: ignore[misc]
    made.library.close()


def test_every_window_is_there_once(done: Atlas) -> None:
    points, answer = done.points(), done.describe()
    assert answer["done"] == answer["total"] == 3 and answer["windows"] == len(points)
    for number in range(3):
        mine = points[points[:, 0] == number]
        assert mine[:, 1].tolist() == [16.0 * bar for bar in range(7)]
    assert [name for _, name, _ in done.songs()] == ["first", "more/sécond song", "third"]


@pytest.mark.parametrize(("meter", "bar"), [((3, 4), 12), ((6, 8), 12), ((5, 4), 20), ((7, 8), 14)])
def test_songs_in_any_metre_are_mapped(model: Model, tmp_path: Path, meter: tuple[int, int], bar: int) -> None:
    """A window begins at every bar from which it lies in the song, whatever fills it."""
    song = Song("tune", note_array([(2 * i, 2, 60 + i % 7) for i in range(5 * bar)]), meters=((0, *meter),))
    write_song(song, tmp_path / "tune.mid")
    made = atlas_of(model, tmp_path, tmp_path / "cache")
    made.run()
    begins = [at for at in range(0, 10 * bar, bar) if at + STEPS <= 10 * bar]
    assert made.points()[:, 1].tolist() == begins and made.describe()["left_out"] == 10 - len(begins)
    windows = np.stack([notes_to_roll(song.notes, STEPS, at) for at in begins])
    np.testing.assert_allclose(made.windows()[1], model.encode(windows).numpy(), atol=1e-5)
    made.library.close()


def test_every_window_has_its_latent(done: Atlas, model: Model) -> None:
    rows, latents = done.windows()
    assert rows[:, 0].tolist() == sorted(rows[:, 0]) and len(rows) == len(latents) == 21
    song = tune(2)
    windows = np.stack([notes_to_roll(song.notes, STEPS, 16 * bar) for bar in range(7)])
    np.testing.assert_allclose(latents[rows[:, 0] == 1], model.encode(windows).numpy(), atol=1e-5)
    assert done.windows()[1] is latents  # joined once
    done.rows.append(rows[:1])
    done.latents.append(done.latents[0][:1])
    assert len(done.windows()[1]) == 22


def test_no_shift_moves_a_window_in_the_map_of_content(done: Atlas, model: Model) -> None:
    before = done.points()
    done.latents = [model.steer(z, pitch=5, metre=-7).numpy() for z in done.latents]
    done._joined = None
    after, names = done.points(), done.describe()["columns"]
    content = [names.index("content 1"), names.index("content 2")]
    np.testing.assert_allclose(after[:, content], before[:, content], atol=1e-4)
    turned = after[:, names.index("metre")] - before[:, names.index("metre")]
    np.testing.assert_allclose((turned + 7 + 16) % 32, 16, atol=1e-3)


def test_umap_is_offered_where_it_is_installed(done: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softaxes.explorer.atlas.has_umap", lambda: False)
    done.start_umap()
    assert done.describe()["umap"] == "missing"
    monkeypatch.setattr("softaxes.explorer.atlas.has_umap", lambda: True)
    monkeypatch.setattr("softaxes.explorer.atlas.umap_embedding", lambda content, dims: content[:, :dims] * 2)
    assert done.describe()["umap"] == "off" and "umap 1" not in done.describe()["columns"]
    done.start_umap()
    assert done._umap_thread is not None
    done._umap_thread.join()
    answer, points = done.describe(), done.points()
    assert answer["umap"] == "done" and answer["columns"][-2:] == ["umap 1", "umap 2"]
    assert points.shape[1] == len(answer["columns"])
    content = invariants(torch.from_numpy(done.windows()[1]), done.model.axes).numpy()
    np.testing.assert_allclose(points[:, -2:], content[:, :2] * 2, rtol=1e-6)


def test_places_are_those_that_the_model_gives(done: Atlas, model: Model) -> None:
    points, names = done.points(), done.describe()["columns"]
    row = points[(points[:, 0] == 0) & (points[:, 1] == 32)][0]
    roll = notes_to_roll(tune(1).notes, STEPS, 32)
    z = model.encode(roll[None])
    for kind, axis in model.axes.items():
        assert row[names.index(kind)] == pytest.approx(float(axis.coordinate(z)), abs=1e-3)
    assert row[names.index("onsets")] == roll[0].sum()


def test_what_is_done_is_not_done_again(
    done: Atlas, model: Model, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = atlas_of(model, folder, tmp_path)
    monkeypatch.setattr(again.library, "open", lambda id: pytest.fail("opened again"))
    again.run()
    np.testing.assert_allclose(again.points(), done.points(), atol=1e-4)
    assert again.songs() == done.songs()


def test_a_stop_in_the_middle_loses_nothing(done: Atlas, model: Model, folder: Path, tmp_path: Path) -> None:
    first = atlas_of(model, folder, tmp_path / "other")
    open_song, opened = first.library.open, []

    def stop_after_two(id: str) -> Song:
        opened.append(id)
        if len(opened) == 2:
            first._ending.set()
        return open_song(id)

    first.library.open = stop_after_two  # type: ignore[method-assign]
    first.run()
    assert first.done == 1
    second = atlas_of(model, folder, tmp_path / "other")
    second.run()
    np.testing.assert_allclose(second.points(), done.points(), atol=1e-4)
    first.library.close()
    second.library.close()


def test_a_damaged_cache_is_made_anew(done: Atlas, model: Model, folder: Path, tmp_path: Path) -> None:
    for name in ("manifest.json", "*.latents.npy"):
        (file,) = tmp_path.glob(f"*/{name}")
        file.write_bytes(b"no manifest, no array")
        again = atlas_of(model, folder, tmp_path)
        again.run()
        np.testing.assert_allclose(again.points(), done.points(), atol=1e-4)
        again.library.close()


def test_a_changed_file_is_read_again(model: Model, folder: Path, tmp_path: Path) -> None:
    """And no other: the map was made anew whenever one file had changed."""
    songs = Path(shutil.copytree(folder, tmp_path / "songs"))
    first = atlas_of(model, songs, tmp_path)
    first.run()
    (last,) = [name for name in first.library.names if name.startswith("third")]
    write_song(tune(9), songs / last)
    next(songs.glob("first*")).touch()  # a new time, the old content
    again, opened = atlas_of(model, songs, tmp_path), list[str]()
    read = again.library.open
    again.library.open = lambda id: opened.append(id) or read(id)  # type: ignore[method-assign, func-returns-value]
    again.run()
    assert opened == [f"folder:{last}"] and again.done == 3
    np.testing.assert_allclose(again.points()[:14, :6], first.points()[:14, :6], atol=1e-4)
    assert not np.allclose(again.points()[14:, :6], first.points()[14:, :6], atol=1e-3)
    for atlas in (first, again):
        atlas.library.close()


def test_broken_files_are_counted(model: Model, tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "broken.mid").write_bytes(b"MThd")
    atlas = atlas_of(model, tmp_path / "songs", tmp_path / "cache")
    atlas.run()
    assert (atlas.describe()["skipped"], len(atlas.points())) == (1, 0)
    atlas.library.close()


def test_it_waits_while_somebody_asks(model: Model, folder: Path, tmp_path: Path) -> None:
    asked = [time.monotonic() + 1000]  # somebody always asks
    atlas = Atlas(model, library_of(folder), threading.Lock(), lambda: asked[0], tmp_path)
    atlas.start()
    atlas._thread.join(0.3)  # type: ignore[union-attr]
    assert atlas.done == 0
    asked[0] = 0.0
    atlas._thread.join()  # type: ignore[union-attr]
    assert atlas.done == 3
    atlas.close()
    atlas.library.close()


def test_no_songs_make_no_map(model: Model, tmp_path: Path) -> None:
    atlas = atlas_of(model, None, tmp_path)
    atlas.start()
    assert atlas.describe()["total"] == 0
    assert atlas.points().shape == (0, 3 + 3 + 2)


def test_two_components_are_the_largest() -> None:
    torch.manual_seed(0)
    plain = np.random.default_rng(0).normal(size=(500, 4)) * [1, 5, 0.1, 3]
    places = two_components(plain)
    assert abs(np.corrcoef(places[:, 0], plain[:, 1])[0, 1]) > 0.99
    assert abs(np.corrcoef(places[:, 1], plain[:, 3])[0, 1]) > 0.99


@pytest.mark.parametrize(("tonic", "minor"), [(0, False), (7, False), (9, True), (4, True)])
def test_scales_have_their_key(tonic: int, minor: bool) -> None:
    steps = (0, 2, 3, 5, 7, 8, 11) if minor else (0, 2, 4, 5, 7, 9, 11)
    rows = [(4 * i, 4, 60 + tonic + step) for i, step in enumerate((*steps, 0, steps[2], 7, 0, 0))]
    assert key_of(Song("scale", note_array(rows)), "melody") == tonic + 12 * minor


def test_one_repeated_note_or_all_twelve_have_a_key_or_none() -> None:
    assert key_of(Song("all", note_array([(i, 1, 60 + i) for i in range(12)])), "melody") == -1
