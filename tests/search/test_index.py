"""An index holds exactly what its folder holds, whatever happened on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from softaxes.data.files import one_writer
from softaxes.data.music import Song, note_array, read_song, write_song
from softaxes.data.music.rolls import melody
from softaxes.search.index import build
from softaxes.search.index.backend import Nearest, best_of
from softaxes.search.index.build import encode_clips, index_settings, update_index
from softaxes.search.index.choice import choose
from softaxes.search.index.store import Index
from softaxes.search.index.windows import clip_lengths, clip_rolls, clip_starts
from softaxes.songs import coded, update
from softaxes.training.interrupt import Interrupted

from .worlds import corpus, model_by_hand, random_song


def contents(index: Index) -> dict[tuple[str, int, int], bytes]:
    """Every living clip's code by (file, length, start)."""
    held = {}
    for segment in index.segments:
        for length in index.settings.lengths:
            live = segment.live_rows(length)
            for row in np.flatnonzero(live).tolist():
                clip = segment.table[length][row]
                key = (segment.record.songs[int(clip["song"])].file, length, int(clip["start"]))
                assert key not in held
                held[key] = segment.codes[length][row].tobytes()
    return held


@pytest.fixture
def songs(tmp_path: Path, rng: np.random.Generator) -> Path:
    corpus(tmp_path / "songs", rng)
    return tmp_path / "songs"


def test_clips_hold_the_notes_that_begin_in_them() -> None:
    notes = note_array([(0, 6, 60), (4, 8, 72), (16, 4, 64)])
    clip = clip_rolls(notes, np.array([4]), 8, 32)[0]
    assert np.argwhere(clip[0]).tolist() == [[72, 12]]  # in the middle: columns 12 to 19
    assert np.argwhere(clip[1])[:, 0].tolist() == [72] * 8  # the held 60 is left out, the 72 is cut
    assert clip_starts(notes, 8, 4).tolist() == [0]
    assert clip_starts(notes, 8, 4, min_notes=1).tolist() == [0, 4, 12, 16]
    assert clip_lengths(32, 4) == (32, 16, 8)
    assert clip_lengths(32, 16) == (32, 16)
    assert clip_lengths(4, 4) == (4,)


def test_clips_before_the_song_begin_in_silence() -> None:
    notes = note_array([(0, 2, 60), (2, 2, 62)])
    clip = clip_rolls(notes, np.array([-3]), 8, 8)[0]
    assert np.argwhere(clip[0]).tolist() == [[60, 3], [62, 5]]


def test_equal_clips_are_encoded_once_and_each_has_its_code() -> None:
    model = model_by_hand()
    bar = [(0, 4, 60), (4, 4, 62), (8, 4, 64), (12, 4, 65)]
    notes = note_array([(on + 16 * k, d, p) for k in range(8) for on, d, p in bar])
    starts = np.arange(0, 96, 16)
    codes, coordinates = encode_clips(model, notes, starts, 32)
    assert model.encoder.calls == 1
    assert codes.shape == (6, model.axes_dim)
    assert (codes == codes[0]).all()
    assert coordinates[:, 0].tolist() == pytest.approx([62.75 - 64.0] * 6)


def test_every_clip_of_every_song(songs: Path, tmp_path: Path) -> None:
    model = model_by_hand()
    built = update_index(songs, model, tmp_path / "index")
    assert (built.songs, built.new, built.changed, built.removed) == (6, 6, 0, 0)
    index = Index.open(tmp_path / "index")
    held = contents(index)
    assert built.encoded == len(held)
    song = read_song(songs / "03.mid")
    for length in (32, 16, 8):
        starts = clip_starts(melody(song), length, 4)
        codes, _ = encode_clips(model, melody(song), starts, length)
        mine = {start: code for (file, of, start), code in held.items() if file == "03.mid" and of == length}
        assert mine == {int(start): code.tobytes() for start, code in zip(starts, codes, strict=True)}
    segment = index.segments[0]
    assert isinstance(segment.codes[32], np.memmap)
    assert (segment.song_notes(3) == melody(song)).all()


def test_only_what_is_new_or_changed_is_encoded(songs: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    model, where = model_by_hand(), tmp_path / "index"
    update_index(songs, model, where)
    before = contents(Index.open(where))
    assert update_index(songs, model, where).encoded == 0
    os.utime(songs / "01.mid", ns=(1, 1))  # touched, not changed
    assert update_index(songs, model, where).encoded == 0
    (songs / "00.mid").unlink()
    write_song(random_song(rng), songs / "02.mid")
    write_song(random_song(rng), songs / "new.mid")
    model.encoder.calls = 0
    built = update_index(songs, model, where)
    assert (built.songs, built.new, built.changed, built.removed) == (6, 1, 1, 1)
    after = contents(Index.open(where))
    assert {file for file, _, _ in after} == {"01.mid", "02.mid", "03.mid", "04.mid", "05.mid", "new.mid"}
    kept = {key: code for key, code in before.items() if key[0] not in ("00.mid", "02.mid")}
    assert kept.items() <= after.items()
    assert model.encoder.calls <= built.encoded == len(after) - len(kept)
    update_index(songs, model_by_hand(), tmp_path / "afresh")
    assert contents(Index.open(tmp_path / "afresh")) == after


def test_an_interrupted_index_goes_on(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, where = model_by_hand(), tmp_path / "index"
    monkeypatch.setattr(build, "COMMIT_CLIPS", 60)

    def stop(more: int = 1, beside: str = "", total: int | None = None) -> None:
        if beside == "04.mid":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="stopped after 4 of 6 files"):
        update_index(songs, model, where, progress=lambda total: nullcontext(stop))
    committed = {file for file, _, _ in contents(Index.open(where))}
    assert committed == {"00.mid", "01.mid", "02.mid", "03.mid"}
    model.encoder.calls = 0
    built = update_index(songs, model, where)
    assert built.new == 2
    update_index(songs, model_by_hand(), tmp_path / "whole")
    assert contents(Index.open(where)) == contents(Index.open(tmp_path / "whole"))


def test_a_writer_that_died_leaves_nothing_behind(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = tmp_path / "index"
    update_index(songs, model_by_hand(), where)
    before, files = contents(Index.open(where)), sorted(where.glob("*.npy"))

    def die(*args: object) -> None:
        raise OSError("No space left on device")

    (songs / "00.mid").unlink()
    write_song(random_song(np.random.default_rng(9)), songs / "99.mid")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(update, "write_manifest", die)
        update_index(songs, model_by_hand(), where)
    assert contents(Index.open(where)) == before
    assert len(list(where.glob("*.npy"))) > len(files)
    built = update_index(songs, model_by_hand(), where)
    assert (built.new, built.removed) == (1, 1)
    assert len(list(where.glob("*.npy"))) == 2 * len(files)


def test_segments_are_merged(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = tmp_path / "index"
    monkeypatch.setattr(build, "COMMIT_CLIPS", 1)
    monkeypatch.setattr(update, "MERGE_SEGMENTS", 99)
    update_index(songs, model_by_hand(), where)
    reader = Index.open(where)
    before = contents(reader)
    assert len(reader.segments) == 6
    (songs / "04.mid").unlink()
    monkeypatch.setattr(update, "MERGE_SEGMENTS", 3)
    update_index(songs, model_by_hand(), where)
    merged = Index.open(where)
    assert len(merged.segments) == 1
    assert contents(merged) == {key: code for key, code in before.items() if key[0] != "04.mid"}
    song = merged.segments[0].song(4, 4)
    assert song.name == "05.mid"
    assert (song.notes == read_song(songs / "05.mid").notes).all()
    assert contents(reader) == before  # who had it open still sees its snapshot
    assert len(list(where.glob("*.npy"))) == 7


def test_everything_gone(songs: Path, tmp_path: Path) -> None:
    where = tmp_path / "index"
    update_index(songs, model_by_hand(), where)
    for path in songs.glob("*.mid"):
        path.unlink()
    assert update_index(songs, model_by_hand(), where).songs == 0
    assert contents(Index.open(where)) == {}
    assert len(choose(Index.open(where), 32)(np.ones((1, 48), np.float32), 5).row) == 0


def test_files_that_cannot_be_read_are_told_and_not_tried_again(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path / "index"
    (songs / "bad.mid").write_bytes(b"MThd nonsense")
    write_song(Song("drums", note_array([])), songs / "empty.mid")
    built = update_index(songs, model_by_hand(), where)
    assert {record.file for record in built.refused} == {"bad.mid", "empty.mid"}
    assert all(record.reason and str(songs) not in record.reason for record in built.refused)
    monkeypatch.setattr(build, "read_song", lambda *a, **k: pytest.fail("read again"))
    assert update_index(songs, model_by_hand(), where).refused == built.refused
    monkeypatch.undo()
    write_song(random_song(np.random.default_rng(3)), songs / "bad.mid")
    assert [record.file for record in update_index(songs, model_by_hand(), where).refused] == ["empty.mid"]
    (songs / "05.mid").write_bytes(b"MThd broken now")
    update_index(songs, model_by_hand(), where)
    assert "05.mid" not in Index.open(where).manifest.alive()


def test_another_model_or_hop_is_refused(songs: Path, tmp_path: Path) -> None:
    where = tmp_path / "index"
    update_index(songs, model_by_hand(), where)
    with pytest.raises(ValueError, match=r"was made with other settings \(model\)"):
        update_index(songs, model_by_hand(1), where)
    with pytest.raises(ValueError, match=r"other settings \(hop_steps\)"):
        update_index(songs, model_by_hand(), where, hop_steps=2)
    with pytest.raises(ValueError, match=r"`hop_steps` must lie in 1\.\.32"):
        index_settings(model_by_hand(), 0)
    blobs = model_by_hand()
    blobs.input_shape = (1, 16, 16)
    with pytest.raises(ValueError, match="piano rolls"):
        index_settings(blobs)


def test_damage_is_scores_and_clips(songs: Path, tmp_path: Path) -> None:
    where = tmp_path / "index"
    with pytest.raises(ValueError, match="holds no motif index"):
        Index.open(where)
    update_index(songs, model_by_hand(), where)
    path = next(where.glob("*.notes.npy"))
    path.unlink()
    with pytest.raises(ValueError, match="is damaged"):
        Index.open(where)
    (where / coded.MANIFEST).write_text('{"format": 3}')
    with pytest.raises(ValueError, match="not a manifest of coded songs"):
        Index.open(where)
    (where / coded.MANIFEST).write_text('{"format": 99}')
    with pytest.raises(ValueError, match="reads format 3"):
        Index.open(where)


def test_one_writer_at_a_time(songs: Path, tmp_path: Path) -> None:
    where = tmp_path / "index"
    update_index(songs, model_by_hand(), where)
    with one_writer(where):
        with pytest.raises(BlockingIOError):
            update_index(songs, model_by_hand(), where)
        assert Index.open(where).songs == 6
    update_index(songs, model_by_hand(), where)


READER = """
import sys, json
from pathlib import Path
import numpy as np
from softaxes.search.index.store import Index
from softaxes.search.index.choice import choose
where, counts = Path(sys.argv[1]), []
print("ready", flush=True)
query = np.ones((1, 48), np.float32) / 48 ** .5
while not (where / "stop").exists():
    index = Index.open(where)
    found = choose(index, 32, "exact")(query, 5)
    assert np.isfinite(found.score).all() and len(found.row) == 5
    counts.append(index.songs)
print(json.dumps(counts))
"""


def test_two_processes_read_while_one_writes(
    songs: Path, tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path / "index"
    update_index(songs, model_by_hand(), where)
    monkeypatch.setattr(build, "COMMIT_CLIPS", 1)
    monkeypatch.setattr(update, "MERGE_SEGMENTS", 2)  # files vanish under the readers' eyes again and again
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, str(where)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for number in range(12):
        write_song(random_song(rng, bars=4), songs / f"more-{number:02d}.mid")
        update_index(songs, model_by_hand(), where)
    (where / "stop").touch()
    for reader in readers:
        printed, _ = reader.communicate(timeout=60)
        assert reader.returncode == 0
        counts = json.loads(printed)
        assert counts
        assert counts == sorted(counts)
        assert set(counts) <= set(range(6, 19))


# --- backends: all must answer as the plain sort of all products does ---------------------------------------------


def slow_nearest(index: Index, length: int, queries: np.ndarray, k: int) -> list[tuple[float, str]]:
    """Best product with any query, and the clip it belongs to, for every living clip; sorted."""
    rows = []
    for segment in index.segments:
        for clip, code in zip(segment.table[length], segment.codes[length], strict=True):
            song = segment.record.songs[int(clip["song"])]
            if song.alive:
                best = max(float(np.dot(code, query)) for query in queries)
                rows.append((round(best, 4), f"{song.file}@{int(clip['start'])}"))
    return sorted(rows, reverse=True)[:k]


def scores_and_clips(index: Index, length: int, found: object) -> list[tuple[float, str]]:
    rows = []
    for at, row, _, score in zip(*found, strict=True):  # type: ignore[call-overload]
        segment = index.segments[int(at)]
        clip = segment.table[length][int(row)]
        rows.append((round(float(score), 4), f"{segment.record.songs[int(clip['song'])].file}@{int(clip['start'])}"))
    return rows


@pytest.fixture
def patchy(tmp_path: Path, rng: np.random.Generator) -> Index:
    """An index of two segments with a song deleted, of a folder ``few``."""
    where, songs = tmp_path / "index", tmp_path / "few"
    corpus(songs, rng, songs=4, bars=4)
    update_index(songs, model_by_hand(), where)
    (songs / "02.mid").unlink()
    write_song(random_song(rng, 4), songs / "late.mid")
    update_index(songs, model_by_hand(), where)
    index = Index.open(where)
    assert len(index.segments) == 2
    assert not all(song.alive for song in index.segments[0].record.songs)
    return index


@pytest.mark.parametrize("backend", ["exact", "faiss", "qdrant"])
def test_every_backend_finds_what_a_plain_sort_finds(
    backend: str, patchy: Index, tmp_path: Path, rng: np.random.Generator
) -> None:
    if backend != "exact":
        pytest.importorskip({"faiss": "faiss", "qdrant": "qdrant_client"}[backend])
    queries = rng.normal(size=(3, 48)).astype(np.float32)
    search = choose(patchy, 16, backend, str(tmp_path / "qdrant"))  # type: ignore[arg-type]
    found = search(queries, 20)
    expected = slow_nearest(patchy, 16, queries, 20)
    assert [score for score, _ in scores_and_clips(patchy, 16, found)] == pytest.approx(
        [s for s, _ in expected], abs=2e-4
    )
    assert {clip for _, clip in scores_and_clips(patchy, 16, found)} == {clip for _, clip in expected}
    everything = search(queries, 10_000)
    assert len(everything.row) == int(sum(segment.live_rows(16).sum() for segment in patchy.segments))
    assert len(search(queries[:0], 5).row) == 0
    for query, score, at, row in zip(found.query, found.score, found.segment, found.row, strict=True):
        assert float(patchy.segments[at].codes[16][row] @ queries[query]) == pytest.approx(float(score), abs=2e-4)
    if hasattr(search, "close"):
        search.close()


def test_near_ties_come_in_the_order_of_the_index() -> None:
    """Sums in another order differ in the seventh digit; what is nearest, and to which query, must not."""
    rows = [(0, 7, 1, 0.9), (1, 2, 0, 0.9 + 1e-7), (0, 3, 2, 0.9 - 1e-7), (0, 7, 0, 0.9 - 1e-7), (1, 9, 0, 0.95)]
    found = best_of(Nearest.of(rows), 3)
    assert list(zip(found.segment.tolist(), found.row.tolist(), found.query.tolist(), strict=True)) == [
        (1, 9, 0), (0, 3, 2), (0, 7, 0),
    ]  # fmt: skip


def test_qdrant_follows_the_index(patchy: Index, tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("qdrant_client")
    songs = tmp_path / "few"
    from softaxes.search.index.qdrant import QdrantSearch

    queries, place = rng.normal(size=(2, 48)).astype(np.float32), str(tmp_path / "qdrant")
    QdrantSearch(patchy, 32, place).close()
    again = QdrantSearch(patchy, 32, place)  # nothing to add
    assert again.client.count(again.collection).count == patchy.rows(32)
    again.close()
    for name in ("00.mid", "01.mid"):
        (songs / name).unlink()
    update_index(songs, model_by_hand(), patchy.folder)  # merges: other segments
    merged = Index.open(patchy.folder)
    assert len(merged.segments) == 1
    after = QdrantSearch(merged, 32, place)
    assert after.client.count(after.collection).count == merged.rows(32)
    assert [s for s, _ in scores_and_clips(merged, 32, after(queries, 9))] == pytest.approx(
        [s for s, _ in slow_nearest(merged, 32, queries, 9)], abs=2e-4
    )
    after.close()


def test_qdrant_that_cannot_be_reached(patchy: Index) -> None:
    pytest.importorskip("qdrant_client")
    with pytest.raises(ValueError, match=r"Qdrant at http://127\.0\.0\.1:9"):
        choose(patchy, 32, "qdrant", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match="needs `qdrant`"):
        choose(patchy, 32, "qdrant")


def test_faiss_keeps_what_it_built_and_uses_cells(
    patchy: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss")
    songs = tmp_path / "few"
    from softaxes.search.index import faiss as faiss_search

    monkeypatch.setattr(faiss_search, "FLAT_CLIPS", 10)
    monkeypatch.setattr(faiss_search, "TRAIN_PER_CELL", 100)
    search = faiss_search.FaissSearch(patchy, 8)
    assert search.searcher.nlist > 1
    queries = patchy.segments[1].codes[8][:3]
    assert [s for s, _ in scores_and_clips(patchy, 8, search(queries, 4))] == pytest.approx(
        [s for s, _ in slow_nearest(patchy, 8, queries, 4)], abs=2e-4
    )
    kept = list(patchy.folder.glob("*.8.faiss"))
    assert len(kept) == 1
    monkeypatch.setattr(faiss_search.FaissSearch, "_build", lambda *a: pytest.fail("built again"))
    faiss_search.FaissSearch(patchy, 8)
    monkeypatch.undo()
    (songs / "01.mid").unlink()
    update_index(songs, model_by_hand(), patchy.folder)
    faiss_search.FaissSearch(Index.open(patchy.folder), 8)
    assert len(set(patchy.folder.glob("*.8.faiss")) - set(kept)) == 1
    assert len(list(patchy.folder.glob("*.8.faiss"))) == 1


def test_which_backend(patchy: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    from softaxes.search.index import choice as nearest

    assert type(choose(patchy, 32)).__name__ == "ExactSearch"
    with pytest.raises(ValueError, match="`length` must be one of"):
        choose(patchy, 31)
    with pytest.raises(ValueError, match="`backend` must be auto"):
        choose(patchy, 32, "annoy")  # type: ignore[arg-type]
    pytest.importorskip("faiss")
    monkeypatch.setattr(nearest, "EXACT_CLIPS", 10)
    assert type(choose(patchy, 32)).__name__ == "FaissSearch"


@pytest.mark.parametrize(("module", "extra"), [("faiss", "faiss"), ("qdrant_client", "qdrant")])
def test_a_missing_package_is_scores_and_clips(
    patchy: Index, monkeypatch: pytest.MonkeyPatch, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=rf"softaxes\[{extra}\]"):
        choose(patchy, 32, extra, "somewhere")  # type: ignore[arg-type]


def test_a_pipe_among_the_songs_is_refused_and_not_waited_for(songs: Path, tmp_path: Path) -> None:
    os.mkfifo(songs / "pipe.mid")
    built = update_index(songs, model_by_hand(), tmp_path / "index")
    assert built.songs == 6
    assert [(row.file, row.reason) for row in built.refused] == [("pipe.mid", "is no regular file")]


def test_an_older_snapshot_still_sees_its_own_state_in_qdrant(
    patchy: Index, tmp_path: Path, rng: np.random.Generator
) -> None:
    """A reader opened before an update finds what its snapshot holds, and takes nothing from the newer one."""
    pytest.importorskip("qdrant_client")
    from softaxes.search.index.qdrant import QdrantSearch

    songs, place = tmp_path / "few", str(tmp_path / "qdrant")
    queries = rng.normal(size=(2, 48)).astype(np.float32)
    older = QdrantSearch(patchy, 32, place)
    before = scores_and_clips(patchy, 32, older(queries, 9))
    for name in ("00.mid", "01.mid"):
        (songs / name).unlink()
    update_index(songs, model_by_hand(), patchy.folder)
    merged = Index.open(patchy.folder)
    newer = QdrantSearch(merged, 32, place)
    expected = scores_and_clips(merged, 32, newer(queries, 9))
    assert scores_and_clips(patchy, 32, older(queries, 9)) == before
    again = QdrantSearch(patchy, 32, place)  # an older one opened again deletes nothing
    assert scores_and_clips(patchy, 32, again(queries, 9)) == before
    assert scores_and_clips(merged, 32, newer(queries, 9)) == expected
    newer.close()
