"""The data loaders on small files with every known defect, and on the data where it is present."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from softaxes.data.music.beats import read_beats
from softaxes.motifs.patterns.datasets.bps_motif import load_bps_motif
from softaxes.motifs.patterns.datasets.csv_files import open_source
from softaxes.motifs.patterns.datasets.jku_pdd import load_jku_pdd
from softaxes.motifs.patterns.scores.phrases import (
    Phrase,
    label_offset,
    parse_phrases,
    phrase_spans,
    read_phrases,
)

NOTES = """onset,midi_number,morphetic_number,duration,staff_number,measure,type
-1.0,60,60,1.0,0,0,z
0.3333333333,61,60,0.5,0,1,
0.0,65,63,0,0,1,a
0.66667,61, ,0.5,1,1,

1.0,65,63,1.0,0,1,a
1.0,65,63,0.5,1,1,a
"""


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


@pytest.fixture
def bps(tmp_path: Path) -> Path:
    top = tmp_path / "download" / "bps-motif"
    write(top, "csv_notes/03-1.csv", NOTES)
    write(top, "csv_notes/04-1.csv", NOTES.replace("\n", "\r\n"))
    write(top, "csv_label/03-1.csv", "start,end,type,measure,start_beat,duration\n0,1.5,a,1,0.5,1.5\n")
    write(top, "csv_label/04-1.csv", "start,end,type,measure,beat_start,duration\n-1,2,b,0,3,3\n")
    write(top, "pickup.csv", "no,TS,pickup\r3,4/4,0\r4,6/8,1")
    write(top, "motif_notes/03/A-2.csv", "1.0,65.0,63.0,1.0,0.0,1.0\n1.0,65.0,63.0,0.5,1.0,1.0\n")
    write(top, "motif_notes/03/A-10.csv", "0.0,65.0,63.0,0.0,0.0,1.0\n0.333333,61.0,60.0,0.5,0.0,1.0\n")
    write(top, "motif_notes/03/B-1.csv", "-1.0,60.0,60.0,1.0,0.0,0.0\n9.0,99.0,99.0,1.0,0.0,0.0\n")
    write(top, "motif_notes/03/notes.csv", "1.0,65.0,63.0,1.0,0.0,1.0\n")
    write(top, "motif_notes/04/A-1.csv", "\n")
    return top.parent


def zipped(folder: Path) -> Path:
    path = folder.parent / "copy.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
        archive.writestr("__MACOSX/bps-motif/csv_notes/._03-1.csv", "junk")
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_movements_of_a_folder_and_of_a_zip(bps: Path, packed: bool) -> None:
    third, fourth = load_bps_motif(zipped(bps) if packed else bps)
    assert [third.name, fourth.name] == ["03-1", "04-1"]
    assert third.notes.onset.tolist() == [-480, 0, 160, 320, 480, 480]
    assert fourth.notes.onset.tolist() == third.notes.onset.tolist()
    assert [(o.letter, o.number) for o in third.occurrences] == [("A", 2), ("A", 10), ("B", 1)]
    assert [len(p) for p in third.patterns()] == [2, 1]
    assert third.patterns()[0][1].tolist() == [[0, 65], [160, 61]]


def test_every_defect_is_handled_and_counted(bps: Path) -> None:
    third, fourth = load_bps_motif(bps)
    assert third.defects == {
        "grace notes": 1,
        "duplicate notes": 1,
        "blank spellings": 1,
        "duplicate occurrence notes": 1,
        "unreadable occurrence files": 1,
        "occurrence notes not in the movement": 1,
    }
    assert fourth.defects["unreadable occurrence files"] == 1
    assert not fourth.occurrences


def test_blank_spelling_is_that_of_the_nearest_equal_pitch(bps: Path) -> None:
    (third,) = load_bps_motif(bps, [3])
    assert third.notes.pitch("morphetic").tolist() == [60, 63, 60, 60, 63, 63]


def test_spelling_unknown_everywhere_is_said(bps: Path) -> None:
    write(bps / "bps-motif", "csv_notes/05-1.csv", "0,60,,1,0,1,\n")
    with pytest.raises(ValueError, match="the spelling of the piece is unknown"):
        load_bps_motif(bps, [5])


def test_the_type_column_is_never_the_truth(bps: Path) -> None:
    """Two notes are marked "a" and one "z"; the truth is what the occurrence files say."""
    (third,) = load_bps_motif(bps, [3])
    assert {o.letter for o in third.occurrences} == {"A", "B"}


def test_rounding_is_the_same_in_both_files(bps: Path) -> None:
    (third,) = load_bps_motif(bps, [3])
    inside = set(map(tuple, third.notes.points().tolist()))
    assert all(tuple(p) in inside for p in third.occurrences[1].notes.points().tolist())


def test_absent_movement_and_absent_data(bps: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no movement \[7\]; it has \[3, 4\]"):
        load_bps_motif(bps, [7])
    with pytest.raises(FileNotFoundError, match="no folder or zip file at"):
        load_bps_motif(tmp_path / "nowhere")
    write(tmp_path, "plain.txt", "x")
    with pytest.raises(ValueError, match="neither a folder nor a zip"):
        load_bps_motif(tmp_path / "plain.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="must hold one folder named csv_notes, found 0"):
        load_bps_motif(tmp_path / "empty")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,60,60,1,0,1", "csv_notes/06-1\\.csv line 2: expected a number, got 'x'"),
        ("nan,60,60,1,0,1", "expected a finite number"),
        ("0,60,60", "expected 6 cells, got 3"),
    ],
)
def test_a_broken_cell_names_file_and_line(bps: Path, row: str, message: str) -> None:
    write(bps / "bps-motif", "csv_notes/06-1.csv", NOTES.splitlines()[0] + "\n" + row + "\n")
    with pytest.raises(ValueError, match=message):
        load_bps_motif(bps, [6])


def test_a_mark_at_the_start_of_a_file_does_no_harm(tmp_path: Path) -> None:
    write(tmp_path, "csv_notes/01-1.csv", "\ufeff" + NOTES)
    (movement,) = load_bps_motif(tmp_path)
    assert len(movement.notes) == 6
    assert open_source(tmp_path, "csv_notes").under("csv_notes") == ["csv_notes/01-1.csv"]


def test_jku_pieces(tmp_path: Path) -> None:
    piece = "JKUPDD/groundTruth/fugue/polyphonic"
    write(tmp_path, f"{piece}/csv/wtc.csv", "0.0416666667,60,60,0.5,0\n0.3333333333,64,62,1,1\n1,60,60,1,0\n")
    for k, shift in ((10, 1.0), (2, 0.0)):
        name = f"{piece}/repeatedPatterns/bruhn/A/occurrences/csv/occ{k}.csv"
        write(tmp_path, name, f"{shift + 0.0416666667},60\n{shift + 0.3333333333},64\n")
    write(tmp_path, f"{piece}/repeatedPatterns/bruhn/A/csv/wtc.csv", "0,60\n")
    (fugue,) = load_jku_pdd(tmp_path)
    assert fugue.name == "fugue"
    assert fugue.notes.onset.tolist() == [20, 160, 480]
    assert fugue.notes.pitch("morphetic").tolist() == [60, 62, 60]
    assert list(fugue.annotations) == ["bruhn/A"]
    assert [o.tolist() for o in fugue.patterns()[0]] == [[[20, 60], [160, 64]], [[500, 60], [640, 64]]]
    with pytest.raises(ValueError, match="has no piece at groundTruth"):
        load_jku_pdd(tmp_path, "monophonic")
    with pytest.raises(ValueError, match="`version` must be one of"):
        load_jku_pdd(tmp_path, "audio")


def test_phrase_labels() -> None:
    phrases = parse_phrases("i4A8b2\n")
    assert phrases == [Phrase("i", 0, 4), Phrase("A", 4, 8), Phrase("b", 12, 2)]
    assert [p.melodic for p in phrases] == [False, True, False]


@pytest.mark.parametrize("text", ["", "4A", "A", "A4?", "A-4"])
def test_other_phrase_labels_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="letters with bar counts"):
        parse_phrases(text)


def test_labels_are_aligned_by_the_melody_s_entry() -> None:
    phrases = parse_phrases("i2A2A1")
    downbeats = [0.1, 2.1, 4.1, 6.1, 8.1, 10.1]
    assert label_offset(phrases, downbeats, 5.5) == 1
    assert label_offset(phrases, downbeats, 4.5) == 0
    assert label_offset(phrases, downbeats, 0.0) == 0
    assert label_offset(parse_phrases("i4"), downbeats, 5.5) == 0
    assert phrase_spans(phrases, downbeats, 1).tolist() == [[2.1, 6.1], [6.1, 10.1], [10.1, 12.1]]
    with pytest.raises(ValueError, match="at least two"):
        phrase_spans(phrases, [0.0])


def test_phrase_files(tmp_path: Path) -> None:
    write(tmp_path, "human_label2.txt", "i4A4")
    assert len(read_phrases(tmp_path, 2)) == 2
    with pytest.raises(ValueError, match="`annotator` must be 1 or 2"):
        read_phrases(tmp_path, 3)


@pytest.mark.data
def test_development_movements_agree_with_their_description(bps_motif_zip: Path) -> None:
    movements = load_bps_motif(bps_motif_zip, range(1, 21))
    assert sum(len(m.occurrences) for m in movements) == 3127
    assert all(m.defects["occurrence notes not in the movement"] == 0 for m in movements)
    assert sum(m.defects["blank spellings"] for m in movements) == 11
    assert sum(m.defects["grace notes"] for m in movements) == 306
    for movement in movements:
        assert (np.diff(movement.notes.skyline().onset) > 0).all()


@pytest.mark.data
def test_phrases_of_pop_songs_fit_their_downbeats(pop909_folder: Path) -> None:
    phrases = read_phrases(pop909_folder / "001")
    beats = read_beats(pop909_folder / "001" / "beat_midi.txt")
    downbeats = beats.seconds[beats.is_downbeat]
    offset = label_offset(phrases, downbeats, 12.68)  # the melody's first onset, s
    assert offset == 1
    assert phrase_spans(phrases, downbeats, offset)[1, 0] == pytest.approx(downbeats[5])
