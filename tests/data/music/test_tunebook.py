"""ABC tune books: cutting, bar lines, what is left out, and damage."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from softaxes.data.music import Limits, read_abc
from softaxes.data.music import tunebook as book
from softaxes.data.music.tunebook import cut_tunes, scan_abc, title, tunes_to_songs

from .by_hand import rows_of

REEL = """X:7
T:The First
T:Its Other Name
M:4/4
L:1/8
R:hornpipe
K:D
FG|A2Bc d2`ef|{g}a4 "D"~g4:|
"""
JIG = """X:7
T:Second, A Jig
M:6/8
L:1/8
K:G
G2B dBG|GAB c2d||
"""
D, E, F, G, A, B = 62, 64, 66, 67, 69, 71


def test_a_book_is_cut_at_its_numbers_and_shares_its_header() -> None:
    tunes = cut_tunes("% a book\nM:6/8\nL:1/8\nT:Not a tune\n" + REEL + "\n" + JIG)
    assert [title(tune) for tune in tunes] == ["The First", "Second, A Jig"]
    assert all(tune.startswith("X:7\nM:6/8\nL:1/8\n") for tune in tunes)
    assert cut_tunes("no tunes here") == [] and title("X:1\nK:C") == ""
    assert cut_tunes(REEL.replace("\n", "\r\n") + JIG) == cut_tunes(REEL + JIG)


def test_notes_repeats_and_bar_lines_by_hand() -> None:
    reel, jig = read_abc(REEL + "\n" + JIG)
    assert (reel.name, jig.name) == ("The First", "Second, A Jig")
    once = [(0, 2, F), (2, 2, G), (4, 4, A), (8, 2, B), (10, 2, 73), (12, 4, 74), (16, 2, 76), (18, 2, 78)]
    once += [(20, 8, 81), (28, 8, 79)]
    again = [(onset + 36, steps, pitch) for onset, steps, pitch in once]
    assert rows_of(reel.notes) == once + again, "no grace notes, no chord track, no swing"
    assert reel.meters[:2] == ((0, 1, 4), (4, 4, 4)) and reel.downbeats().tolist()[:3] == [0, 4, 20]
    assert set(reel.notes["velocity"].tolist()) == {80}
    assert jig.meters == ((0, 6, 8),) and jig.downbeats().tolist() == [0, 12]
    assert rows_of(jig.notes)[:3] == [(0, 4, G), (4, 2, B), (6, 2, 74)]


def test_a_repeat_in_the_middle_of_a_bar_keeps_bars_whole() -> None:
    tune = read_abc("X:1\nT:t\nM:2/4\nL:1/8\nK:C\nG|cdef|g3:|\nG|cdef|g3|]\n")[0]
    assert tune.downbeats().tolist() == [0, 2, 10, 18, 26, 34, 42]
    assert tune.meters == ((0, 1, 8), (2, 2, 4))


@pytest.mark.parametrize(
    "sign", ["~", ".", "T", "H", "R", "u", "v", ".T", "!trill!", '"Am"', '"^slow"', "{ga}", "T{g}", '~"D"', '"D"~', "`"]
)
@pytest.mark.parametrize("before", ["", "(", "^", "(3"])
def test_embellishments_leave_the_written_melody(sign: str, before: str) -> None:
    tune = "X:1\nT:t\nM:4/4\nL:1/8\nK:C\nc4 {}{}g2 a2 b2)z2|[K:G]c8|\n"
    plain, marked = (read_abc(tune.format(s, before))[0] for s in ("", sign))
    assert marked.notes.tolist() == plain.notes.tolist() and marked.meters == plain.meters


def test_metres_that_change_are_kept_as_written() -> None:
    tune = read_abc("X:1\nT:t\nM:2/4\nL:1/8\nK:C\ncdef|gfed|\nM:3/4\ncdefga|\n")[0]
    assert tune.meters == ((0, 2, 4), (16, 3, 4))


def test_steps_per_beat_reaches_the_tunes() -> None:
    triplet = "X:1\nT:t\nM:2/4\nL:1/8\nK:C\n(3cde f2|\n"
    assert [row[:2] for row in rows_of(read_abc(triplet, 3)[0].notes)] == [(0, 1), (1, 1), (2, 1), (3, 3)]


def test_books_are_read_from_files_in_two_encodings(tmp_path: Path) -> None:
    for encoding in ("utf-8", "latin-1"):
        path = tmp_path / f"my tunes {encoding}.abc"
        path.write_bytes(REEL.replace("First", "Café").encode(encoding))
        assert read_abc(path)[0].name == "The Café" == read_abc(str(path))[0].name


def test_unreadable_tunes_are_skipped_with_a_reason() -> None:
    songs, skipped = scan_abc(REEL + "\nX:2\nT:Nothing\nM:4/4\nK:C\n\n" + JIG)
    assert [song and song.name for song in songs] == ["The First", None, "Second, A Jig"]
    assert skipped == [("Nothing", "no notes in the tune")]


def test_a_book_without_a_tune_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "a b.abc"
    path.write_text("just words")
    with pytest.raises(ValueError, match=r"a b.abc: no tune in ABC notation could be read \(no X: line\)"):
        read_abc(path)
    with pytest.raises(ValueError, match=r"the text: no tune .* \(Nothing: no notes in the tune\)"):
        read_abc("X:2\nT:Nothing\nM:4/4\nK:C\n")
    with pytest.raises(ValueError, match="no such file"):
        read_abc(tmp_path / "gone.abc")
    with pytest.raises(ValueError, match="10 bytes is more than the limit of 9"):
        read_abc(path, limits=Limits(bytes=9))


def test_directives_cannot_reach_the_translator() -> None:
    cleaned = book._clean("X:3\nT:t\n%%abc-include /etc/passwd\nI:abc-include x\nR:hornpipe\nK:C\nA:|: `c`\n|:c:|", 1)
    assert cleaned == "X:1\nT:t\nK:C\nA:|: c\n|:c:|"


def test_the_terminal_stays_silent(capfd: pytest.CaptureFixture[str]) -> None:
    read_abc("X:1\nT:t\nM:2/4\nL:1/8\nK:C\nc H%$ d e-|f g a:|\n")
    assert capfd.readouterr() == ("", "")


def test_a_tune_that_stops_the_translator_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []

    def fragile(tunes: list[str], seconds: float) -> list[bytes | str]:
        runs.append(len(tunes))
        stop = next((index for index, tune in enumerate(tunes) if "bad" in tune), len(tunes))
        return [b"midi"] * stop + ["it stopped"] * (len(tunes) - stop)

    monkeypatch.setattr(book, "_run", fragile)
    monkeypatch.setattr(book, "BATCH_TUNES", 4)
    assert book._translate(["a", "bad", "c", "d", "e", "f", "bad"]) == [
        b"midi", "it stopped", b"midi", b"midi", b"midi", b"midi", "it stopped"
    ]  # fmt: skip
    assert runs == [4, 1, 4, 1, 1], "four; the bad one alone; the next four; the bad one and it alone"


def test_a_translator_that_hangs_or_is_missing_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*args: object, timeout: float, **more: object) -> None:
        raise subprocess.TimeoutExpired("abc2midi", timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    assert tunes_to_songs([REEL])[1] == [("The First", "the ABC translator took more than 5 s")]
    monkeypatch.undo()
    monkeypatch.setattr(book, "abc_to_midi_program", lambda: Path("/nowhere/abc2midi"))
    assert "the ABC translator cannot run" in tunes_to_songs([REEL])[1][0].reason
