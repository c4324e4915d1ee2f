"""``softaxes steer``: tracks, tempi and metres are kept, other notes move exactly, and bad files are one line."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from softaxes.commands import cli
from softaxes.commands import steer as steering
from softaxes.data.music import NOTE_DTYPE, Song, Track, read_song, write_song
from softaxes.data.music.read import read_both
from softaxes.model.checkpoint import save_model
from softaxes.report.pictures.songs import song_before_and_after
from softaxes.songs.steer_file import steer_file
from tests.data.music.by_hand import METER, NAME, TEMPO, meta, midi_file, note_off, note_on
from tests.songs.song_models import Perfect, small_model

TRACKS = (Track("MELODY", 73), Track("PIANO", 0), Track("kit", 0, True))
TEMPI, METERS = ((0, 90.0), (480 * 8, 120.0)), ((0, 4, 4), (480 * 16, 2, 4), (480 * 18, 4, 4))


def band() -> Song:
    """A melody, a piano that is not on the grid of sixteenths, and drums, over two tempi and an odd bar."""
    quarter = 480
    rows = [(beat * quarter, quarter // 2, 60 + beat % 5, 100 - beat, 0) for beat in range(24)]
    rows += [(beat * quarter + 13, 700, 48, 61, 1) for beat in range(0, 24, 2)]
    rows += [(beat * quarter, 60, 36, 90, 2) for beat in range(1, 24, 4)]
    return Song("band", np.array(rows, dtype=NOTE_DTYPE), TRACKS, quarter, TEMPI, METERS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_song(band(), tmp_path / "band.mid")


def rows_of(song: Song, track: str) -> list[tuple[int, int, int, int]]:
    number = [t.name for t in song.tracks].index(track)
    notes = song.notes[song.notes["track"] == number]
    return sorted((int(n["onset"]), int(n["duration"]), int(n["pitch"]), int(n["velocity"])) for n in notes)


def moved(rows: list[tuple[int, int, int, int]], pitch: int, steps: int) -> list[tuple[int, int, int, int]]:
    return [(at + steps, length, p + pitch, v) for at, length, p, v in rows if at + steps >= 0]


@pytest.mark.parametrize(("pitch", "metre"), [(3, 0), (-5, 4), (0, -2), (2, -4)])
def test_all_tracks_move_together_and_keep_their_names_tempi_and_metres(file: Path, pitch: int, metre: int) -> None:
    edited = steer_file(Perfect(), file, pitch=pitch, metre=metre).edited
    write_song(edited, file.with_name("out.mid"))
    back, original = read_song(file.with_name("out.mid"), 480), band()
    assert back.tracks == original.tracks
    assert back.meters == original.meters
    assert [(step, round(bpm, 3)) for step, bpm in back.tempi] == list(original.tempi)
    for name, semitones in (("MELODY", pitch), ("PIANO", pitch), ("kit", 0)):
        assert rows_of(back, name) == moved(rows_of(original, name), semitones, metre * 120)


def test_other_notes_may_stay_or_go(file: Path) -> None:
    kept = steer_file(Perfect(), file, pitch=3, metre=2, others="keep").edited
    dropped = steer_file(Perfect(), file, pitch=3, metre=2, others="drop").edited
    for song in (kept, dropped):
        assert rows_of(song, "MELODY") == moved(rows_of(band(), "MELODY"), 3, 240)
        assert song.tracks == TRACKS
    assert rows_of(kept, "PIANO") == rows_of(band(), "PIANO")
    assert rows_of(kept, "kit") == rows_of(band(), "kit")
    assert set(dropped.notes["track"].tolist()) == {0}
    with pytest.raises(ValueError, match="`others` must be one of move, keep, drop, got 'burn'"):
        steer_file(Perfect(), file, others="burn")  # type: ignore[arg-type]


def test_a_full_texture_keeps_its_voices_apart_on_the_grid(file: Path) -> None:
    edited = steer_file(Perfect(texture="full"), file, pitch=4).edited
    assert rows_of(edited, "MELODY") == moved(rows_of(band(), "MELODY"), 4, 0)
    assert [row[:3:2] for row in rows_of(edited, "PIANO")] == [(at // 120 * 120, p + 4) for at, _, p, _ in rows_of(
        band(), "PIANO")]  # fmt: skip
    assert rows_of(edited, "kit") == rows_of(band(), "kit")


def test_without_a_track_of_that_name_the_highest_voice_is_steered_in_its_own_tracks(tmp_path: Path) -> None:
    rows = [(0, 960, 72, 90, 0), (0, 960, 60, 50, 1), (960, 960, 74, 80, 1), (960, 960, 62, 40, 0)]
    tracks = (Track("violin", 40), Track("viola", 41))
    song = Song("duo", np.array(rows, dtype=NOTE_DTYPE), tracks, 480)
    edited = steer_file(Perfect(), write_song(song, tmp_path / "duo.mid"), pitch=2, others="keep").edited
    assert rows_of(edited, "violin") == [(0, 960, 74, 90), (960, 960, 62, 40)]
    assert rows_of(edited, "viola") == [(0, 960, 60, 50), (960, 960, 76, 80)]


def test_the_line_says_what_came_back(file: Path) -> None:
    exact = steer_file(Perfect(), file, pitch=3).line
    assert exact.startswith("24 of 24 notes of the true edit came back, 0 are others (note F1 1.000")
    assert "encoded and decoded: 1.000); 4 windows" in exact
    assert "note F1 0." in steer_file(small_model(), file, pitch=3).line
    falls = steer_file(Perfect(), file, metre=-4).line
    assert "23 of 23" in falls
    assert "1 notes left the song or MIDI's range" in falls


def test_notes_off_the_grid_are_mentioned(tmp_path: Path) -> None:
    rows = [(beat * 480 + 55 * (beat % 2), 240, 60, 90, 0) for beat in range(16)]
    song = Song("played", np.array(rows, dtype=NOTE_DTYPE), (Track("MELODY"),), 480)
    line = steer_file(Perfect(), write_song(song, tmp_path / "played.mid"), pitch=1).line
    assert "0.23 steps off the grid on average" in line


def test_a_song_that_begins_between_two_steps_is_laid_on_its_notes(tmp_path: Path) -> None:
    rows = [(beat * 480 + 57, 240, 60 + beat, 90, 0) for beat in range(8)]
    song = Song("late", np.array(rows, dtype=NOTE_DTYPE), (Track("MELODY"),), 480)
    edited = steer_file(Perfect(), write_song(song, tmp_path / "late.mid"), pitch=1).edited
    assert rows_of(edited, "MELODY") == moved(rows_of(song, "MELODY"), 1, 0)


def test_files_of_960_ticks_and_of_odd_ticks(tmp_path: Path) -> None:
    for ticks in (960, 96, 1024, 35):
        events = [(0, meta(NAME, b"MELODY"))]
        for beat in range(8):
            events += [(beat * ticks, note_on(60 + beat)), ((beat + 1) * ticks, note_off(60 + beat))]
        head = [
            (0, meta(TEMPO, struct.pack(">I", 400_000)[1:])),
            (0, meta(METER, bytes([4, 2, 24, 8]))),
            (4 * ticks, meta(TEMPO, struct.pack(">I", 600_000)[1:])),
        ]
        path = tmp_path / f"{ticks}.mid"
        path.write_bytes(midi_file(head, events, ticks=ticks))
        edited = steer_file(Perfect(), path, pitch=1).edited
        assert [(at, p) for at, _, p, _ in rows_of(edited, "MELODY")] == [(480 * beat, 61 + beat) for beat in range(8)]
        assert edited.tempi == ((0, 150.0), (4 * 480, 100.0))


def test_beats_beside_the_file_lay_the_grid(tmp_path: Path) -> None:
    rows = [(beat * 480 + 200, 480, 60 + beat, 90, 0) for beat in range(8)]
    song = Song("x", np.array(rows, dtype=NOTE_DTYPE), (Track("MELODY"),), 480)
    path = write_song(song, tmp_path / "x.mid")
    seconds = [(beat * 480 + 200) / 960 for beat in range(9)]
    (tmp_path / "beat_midi.txt").write_text("".join(f"{s} 0 {int(i % 4 == 0)}\n" for i, s in enumerate(seconds)))
    assert rows_of(read_both(path, 4).fine, "MELODY")[0][0] == 0
    assert [row[0] for row in rows_of(steer_file(Perfect(), path, pitch=1).edited, "MELODY")] == [
        480 * beat for beat in range(8)
    ]


# --- the command -------------------------------------------------------------------------------------------------


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = cli.main(["steer", *words])
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err.count("\n") == 1
    return code, heard.err


def test_the_command_writes_a_song_a_picture_and_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(steering, "load", lambda name: {"mine": Perfect()}[name])
    out, picture = file.with_name("out.mid"), file.with_name("out.png")
    words = [str(file), "--pitch", "+3", "--metre", "-4", "--model", "mine", "--out", str(out)]
    assert run([*words, "--picture", str(picture)], capsys)[0] == 0
    assert rows_of(read_song(out, 480), "MELODY") == moved(rows_of(band(), "MELODY"), 3, -480)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_checkpoint_steers(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(small_model(), file.with_name("model.safetensors"))
    out = file.with_name("out.mid")
    code, line = run([str(file), "--model", str(file.with_name("model.safetensors")), "--out", str(out)], capsys)
    assert code == 0
    assert "notes of the true edit came back" in line
    assert rows_of(read_song(out, 480), "kit") == rows_of(band(), "kit")


def drums_only() -> bytes:
    return midi_file([(0, note_on(36, channel=9)), (480, note_off(36, channel=9))])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"RIFF and so on", "not a MIDI file"),
        (midi_file([(0, note_on(60)), (480, note_off(60))])[:-9], "broken or cut short"),
        (midi_file([]), "holds no notes that this model hears"),
        (drums_only(), "holds no notes that this model hears (the track MELODY, or else the highest voice"),
    ],
)
def test_bad_files_are_one_line_and_write_nothing(
    content: bytes,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(steering, "load", lambda name: Perfect())
    (tmp_path / "bad.mid").write_bytes(content)
    code, line = run([str(tmp_path / "bad.mid"), "--metre", "1", "--out", str(tmp_path / "out.mid")], capsys)
    assert code == 2
    assert message in line
    assert [path.name for path in tmp_path.iterdir()] == ["bad.mid"]


def test_a_file_cut_anywhere_is_a_song_or_one_line(file: Path) -> None:
    data = file.read_bytes()
    for length in range(0, len(data), 7):
        file.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"band\.mid: ") as refusal:
            steer_file(Perfect(), file, pitch=1)
        assert "\n" not in str(refusal.value)


def test_the_song_is_never_overwritten(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = file.read_bytes()
    code, line = run([str(file), "--out", str(file.parent / "." / file.name)], capsys)
    assert code == 2
    assert "`out` must not be the song itself" in line
    assert file.read_bytes() == before


def test_a_picture_replaces_neither_song_and_nothing_is_written_where_it_cannot_be(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, out = file.read_bytes(), file.with_name("moved.mid")
    for picture in (file, out):
        code, line = run([str(file), "--out", str(out), "--picture", str(picture)], capsys)
        assert code == 2 and "`picture` must not be" in line
    code, line = run([str(file), "--out", str(out), "--picture", str(file.parent / "no folder" / "x.png")], capsys)
    assert code == 2 and "No such file or directory" in line
    assert file.read_bytes() == before and not out.exists()


def test_a_transposition_beyond_all_pitches_is_refused(file: Path) -> None:
    with pytest.raises(ValueError, match="`pitch` must be less than 128 semitones, got 1000"):
        steer_file(Perfect(), file, pitch=1000)


def test_a_model_that_is_not_there(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = run([str(file), "--model", "pop910", "--out", str(file.with_name("o.mid"))], capsys)
    assert code == 2
    assert "no model 'pop910'" in line


# --- the picture -------------------------------------------------------------------------------------------------


def test_the_picture_marks_right_and_wrong_notes_between_bar_lines(file: Path) -> None:
    result = steer_file(Perfect(), file, pitch=3)
    figure = song_before_and_after(result.on_grid.song, result.steered, bars=3)
    plots = figure.axes
    assert [plot.get_ylabel() for plot in plots] == ["MIDI pitch"] * 3
    assert plots[2].get_xlabel() == "bar"
    assert plots[0].get_xlim() == (0, 48)
    assert [len(c.get_paths()) for c in plots[1].collections] == [24, 0]
    model = small_model()
    model.threshold = 0.003
    wrong = steer_file(model, file, pitch=3)
    counts = [len(c.get_paths()) for c in song_before_and_after(wrong.on_grid.song, wrong.steered).axes[1].collections]
    assert counts[1] == len(wrong.steered.notes) - counts[0] > 0


def test_a_picture_of_nothing_says_so() -> None:
    song = Song("nothing", np.zeros(0, NOTE_DTYPE))
    from softaxes.songs.steer import steer_song

    figure = song_before_and_after(song, steer_song(Perfect(), song))
    assert figure.axes[0].texts[0].get_text() == "no notes"
