"""`softaxes motifs find` and `softaxes motifs evaluate`, as people start them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from softaxes.commands import cli
from softaxes.commands import motifs_evaluate as motif_evaluate
from softaxes.data.music.midi import write_song
from softaxes.data.music.read import read_song
from softaxes.data.music.song import NOTE_DTYPE, Song, Track, note_array
from softaxes.report.motif_page import motif_page
from softaxes.report.page import render
from softaxes.songs.motifs import COLUMNS, motifs_of_song, notes_of_song
from tests.motifs.pieces import planted


def song_of(notes, name="planted", meters=((0, 4, 4),)):
    rows = [(int(o) // 120, 1, int(p)) for o, p in zip(notes.onset, notes.midi, strict=True)]
    return Song(name, note_array(rows), (Track("flute"),), 4, ((0, 96.0),), meters)


@pytest.fixture
def midi_file(tmp_path: Path, rng: np.random.Generator) -> Path:
    return write_song(song_of(planted(rng)[0]), tmp_path / "planted.mid")


def run(*words: object) -> int:
    return cli.main([str(w) for w in words])


def test_table_and_page(midi_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(midi_file.parent)
    assert run("motifs", "find", midi_file) == 0
    assert list(midi_file.parent.iterdir()) == [midi_file], "nothing is written unasked"
    assert "--page FILE.html" in capsys.readouterr().out
    assert run("motifs", "find", midi_file, "--page", "planted-motifs.html") == 0
    printed = capsys.readouterr().out
    assert re.search(r"\n +3:1 +\+5 +exact", printed), printed
    assert re.search(r"\n +5:1 +0 +exact", printed)
    page = (midi_file.parent / "planted-motifs.html").read_text(encoding="utf-8")
    assert "http" not in re.sub(r'"http://www.w3.org/[^"]*"', "", page)  # nothing is fetched
    assert "import " not in page.split("<script>")[1]
    assert "export " not in page.split("<script>")[1]
    returns = json.loads(re.search(r"const RETURNS=(.*);\n", page)[1])
    for motif, which in re.findall(r'data-play="(\d+),(\d+)"', page):
        assert returns[int(motif)][int(which)]
    assert page.count('class="o"') == sum(map(len, returns))


def test_json_says_it_all_and_nothing_else(midi_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("motifs", "find", midi_file, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["song"] == "planted"
    motif = found["motifs"][0]
    assert {"motif", "ranking_score", "prototype", "returns"} == motif.keys()
    assert {"place", "transposition_semitones", "relation", "probability", "pitches"} <= motif["returns"][0].keys()
    assert not (midi_file.parent / "planted-motifs.html").exists()


def test_csv_and_midi(midi_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run("motifs", "find", midi_file, "--json", "--csv", out / "m.csv", "--midi", out / "midi") == 0
    found = json.loads(capsys.readouterr().out)
    with (out / "m.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == sum(len(m["returns"]) for m in found["motifs"])
    files = sorted((out / "midi").iterdir())
    assert [f.name for f in files] == sorted(f"planted-motif-{m['motif']}.mid" for m in found["motifs"])
    whole = set(zip(*(read_song(midi_file).notes[c].tolist() for c in ("onset", "pitch")), strict=True))
    first = read_song(out / "midi" / f"planted-motif-{found['motifs'][0]['motif']}.mid")
    assert set(zip(*(first.notes[c].tolist() for c in ("onset", "pitch")), strict=True)) <= whole
    assert len(first.notes) == sum(r["notes"] for r in found["motifs"][0]["returns"])
    assert first.tempi == ((0, 96.0),)


@pytest.mark.parametrize("rows", [[], [(0, 4, 60)]])
def test_songs_without_motifs_get_a_clear_line(
    rows: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    notes = note_array(rows) if rows else np.zeros(0, NOTE_DTYPE)
    write_song(Song("short", notes), tmp_path / "short.mid")
    assert run("motifs", "find", tmp_path / "short.mid", "--page", "short-motifs.html") == 0
    assert "no motif was found" in capsys.readouterr().out
    assert "no motif" in (tmp_path / "short-motifs.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["find", "nowhere.mid"], "nowhere.mid: no such file"),
        (["find", "text.mid"], "not a MIDI file"),
        (["find", "empty.mid"], "the file is empty"),
        (["evaluate", "--data", "nowhere"], "no folder or zip file at nowhere"),
        (["evaluate", "--data", "nowhere", "--methods", "magic"], "`methods` must be among"),
        (["evaluate", "--data", "nowhere", "--minutes", "0"], "`minutes` must be positive"),
    ],
)
def test_mistakes_get_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.mid").write_text("hello")
    (tmp_path / "empty.mid").touch()
    assert run("motifs", *words) == 2
    heard = capsys.readouterr()
    assert said in heard.err
    assert heard.err.count("\n") == 1
    assert heard.out == ""


@pytest.mark.parametrize("words", [["--page", "{}"], ["--csv", "{}"], ["--page", "x.html", "--csv", "x.html"]])
def test_the_song_is_never_overwritten(
    words: list[str], midi_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(midi_file.parent)
    before = midi_file.read_bytes()
    assert run("motifs", "find", midi_file, *(word.format(midi_file) for word in words)) == 2
    assert "must not be" in capsys.readouterr().err
    assert midi_file.read_bytes() == before


def test_beats_beside_a_song_say_where_its_bars_are(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    """As POP909's songs: the file says 1/4, and its ticks lie off the beats and a beat before the first bar."""
    notes = planted(rng)[0]
    rows = [(int(o) // 60 + 9, 2, int(p)) for o, p in zip(notes.onset, notes.midi, strict=True)]  # 1/8 beats, 9 late
    path = write_song(Song("001", note_array(rows), steps_per_beat=8, meters=((0, 1, 4),)), tmp_path / "001.mid")

    def places() -> list[str]:
        assert run("motifs", "find", path, "--json") == 0
        return [r["place"] for r in json.loads(capsys.readouterr().out)["motifs"][0]["returns"]]

    assert "10:1" in places()  # bars of one beat each, from the phase of its notes on
    seconds = 0.0625 + 0.5 * np.arange(1 + int(notes.onset.max()) // 480 + 4)
    beats = "".join(f"{s} 1.0 {float(k % 4 == 1)}\n" for k, s in enumerate(seconds))
    (tmp_path / "beat_midi.txt").write_text(beats)
    assert {"3:1", "5:1"} <= set(places())  # bar 0 is the beat before the first downbeat
    (tmp_path / "beat_midi.txt").write_text("no beats")
    assert run("motifs", "find", path, "--json") == 2
    assert "not a table of beats" in capsys.readouterr().err


def test_drums_are_no_notes_and_tracks_are_staves() -> None:
    rows = [(0, 4, 60, 80, 0), (0, 4, 36, 80, 1), (4, 4, 64, 80, 2)]
    song = Song("s", np.array(rows, NOTE_DTYPE), (Track("a"), Track("drums", is_drum=True), Track("b")))
    notes = notes_of_song(song)
    assert notes.midi.tolist() == [60, 64]
    assert notes.onset.tolist() == [0, 480]
    assert notes.staff.tolist() == [0, 2]
    assert motifs_of_song(song).motifs == []


def test_bars_and_beats_are_counted_in_the_metre_s_unit() -> None:
    song = Song("s", note_array([(0, 400, 60)]), meters=((0, 3, 4), (24, 6, 8)))
    assert song.bar_and_beat(0) == (1, 1)
    assert song.bar_and_beat(14) == (2, 1.5)
    assert song.bar_and_beat(24 + 12 + 4) == (4, 3)


def test_the_page_draws_every_return_once_in_its_system(rng: np.random.Generator) -> None:
    found = motifs_of_song(song_of(planted(rng)[0], meters=((0, 3, 4),)))
    page = render(motif_page(found.song, found.motifs, found.rows))
    for k, rows in enumerate(found.rows):
        for r in range(len(rows)):
            assert page.count(f'class="o" data-play="{k},{r}"') == 1
    bars = len(found.song.bars())
    assert all(f">{bar}</text>" in page for bar in range(1, bars + 1))


# --- evaluate ------------------------------------------------------------------------------------------------------


@pytest.fixture
def bps(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Two movements of planted motifs in BPS-Motif's layout."""
    folder = tmp_path / "bps"
    for number in (1, 2):
        notes, starts = planted(rng)
        rows = [f"{o / 480},{p},{60 + (p - 60) * 7 // 12},0.25,0,1,"
                for o, p in zip(notes.onset, notes.midi, strict=True)]  # fmt: skip
        write(
            folder / f"csv_notes/{number:02d}-1.csv",
            ["onset,midi_number,morphetic_number,duration,staff,measure,type", *rows],
        )
        for k, (onset, _) in enumerate(starts):
            inside = [r for r in rows if onset <= float(r.split(",")[0]) * 480 <= onset + 960]
            write(folder / f"motif_notes/{number:02d}/A-{k + 1}.csv", [r.removesuffix(",") for r in inside])
            other = [r for r in rows if onset + 1440 <= float(r.split(",")[0]) * 480 <= onset + 2000]
            if other:
                write(folder / f"motif_notes/{number:02d}/B-{k + 1}.csv", [r.removesuffix(",") for r in other])
    return folder


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


CHOSEN = ("match classifier", "note count", "hybrid (siatec-c + learned)", "siatec-c compress")


def test_evaluation_as_json_has_the_promised_shape(bps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("motifs", "evaluate", "--data", bps, "--json", "--methods", *CHOSEN) == 0
    heard = capsys.readouterr()
    scores = json.loads(heard.out)
    assert scores.keys() == {"retrieval", "discovery"}
    assert scores["retrieval"].keys() == {"note count", "match classifier"}
    assert all(row.keys() == {"map", "p1", "map_nonexact"} for row in scores["retrieval"].values())
    assert scores["discovery"].keys() == set(CHOSEN[2:])
    measures = {"est_f1", "occ75_f1", "occ5_f1", "three_layer_f1"}
    assert all(row.keys() == measures for row in scores["discovery"].values())
    assert scores["discovery"]["hybrid (siatec-c + learned)"]["est_f1"] > 0.2
    assert "movement 01-1" in heard.err


def test_evaluation_as_a_table(bps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run("motifs", "evaluate", "--data", bps, "--movements", 2, "--tasks", "retrieval", "--methods", "rhythm") == 0
    )
    printed = capsys.readouterr().out
    assert "means over 1 movements" in printed
    assert re.search(r"rhythm +[.1][\d.]+ \[", printed)
    assert "discovery" not in printed


@pytest.fixture
def jku(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A piece of planted motifs in JKU-PDD's layout, polyphonic with a held bass, and monophonic."""
    top = tmp_path / "JKUPDD-Aug2013"
    notes, starts = planted(rng)
    melody = [(o / 480, p, 0) for o, p in zip(notes.onset.tolist(), notes.midi.tolist(), strict=True)]
    bass = [(4.0 * bar, 36 + bar, 1) for bar in range(8)]
    for version, rows in (("polyphonic", sorted(melody + bass)), ("monophonic", melody)):
        folder = top / f"groundTruth/planted/{version}"
        write(folder / "csv/planted.csv", [f"{o:.10f},{p},{60 + (p - 60) * 7 // 12},0.25,{s}" for o, p, s in rows])
        for k, (onset, _) in enumerate(starts):
            inside = [f"{o:.10f},{p}" for o, p, _ in melody if onset <= o * 480 <= onset + 960]
            write(folder / f"repeatedPatterns/hand/A/occurrences/csv/occ{k + 1}.csv", inside)
    return tmp_path


def test_jku_pieces_are_known_by_their_layout(jku: Path, capsys: pytest.CaptureFixture[str]) -> None:
    methods = ("siatec-c compress", "delta-gamma, skyline", "hybrid (siatec-c + learned)")
    assert run("motifs", "evaluate", "--data", jku, "--json", "--methods", *methods) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores.keys() == {"retrieval", "discovery", "discovery, monophonic"}
    assert scores["retrieval"] == {}
    for version in ("discovery", "discovery, monophonic"):
        assert scores[version].keys() == set(methods)
        assert scores[version]["hybrid (siatec-c + learned)"]["est_f1"] > 0.2
    assert run("motifs", "evaluate", "--data", jku, "--methods", "siatec-c compress") == 0
    printed = capsys.readouterr().out
    assert "discovery, means over 1 movements" in printed
    assert "discovery, monophonic, means over 1 movements" in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--movements", "1"], "`movements` are sonatas of BPS-Motif"),
        (["--tasks", "retrieval"], "is JKU-PDD: it has patterns for `tasks` discovery"),
        (["--methods", "rhythm"], "is JKU-PDD: it has patterns for `tasks` discovery"),
    ],
)
def test_what_jku_pieces_cannot_answer(
    jku: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("motifs", "evaluate", "--data", jku, *words) == 2
    assert said in capsys.readouterr().err


def test_other_folders_are_neither_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "songs/notes.csv", ["1,2,3"])
    assert run("motifs", "evaluate", "--data", tmp_path) == 2
    assert "is neither BPS-Motif (a folder csv_notes) nor JKU-PDD" in capsys.readouterr().err


def test_time_runs_out_between_movements(bps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pieces = motif_evaluate.load_bps_motif(bps)
    methods = {"retrieval": {"note count": motif_evaluate.SIMILARITIES["note count"]}}
    rows, done = motif_evaluate.measure(pieces, methods, deadline=0.0)
    assert done == 1
    assert len(rows["retrieval"]["note count"]) == 1
    assert "time is up: 1 of 2 movements" in capsys.readouterr().err


def test_every_method_has_one_name() -> None:
    learned = {"learned code", "match classifier", "match classifier, in context"}
    assert set(motif_evaluate.retrieval_methods()) == set(motif_evaluate.SIMILARITIES) | learned
    assert set(motif_evaluate.discovery_methods()) == set(motif_evaluate.DISCOVERY) | {"hybrid (siatec-c + learned)"}


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("csv_notes/1.csv", "has no movement at csv_notes/NN-1.csv"),
        ("csv_notes/1-1.csv", "has no movement at csv_notes/NN-1.csv"),
        ("groundTruth/piece/readme.txt", "has no piece at groundTruth/<piece>/<version>/csv/<name>.csv"),
    ],
)
def test_a_data_set_without_pieces_is_one_line(
    file: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("onset,midi_number\n", encoding="utf-8")
    assert cli.main(["motifs", "evaluate", "--data", str(tmp_path), "--tasks", "discovery"]) == 2
    assert said in capsys.readouterr().err
