"""How do ABC tune books become Songs? Cut the book into tunes, translate them all at once, put the bar lines back.

A book is a text with several tunes, each beginning with an ``X:`` line. The translator (abc2midi, which comes with the
MIDI library) runs once a book in a folder of its own, so its complaints never reach the terminal and nothing it writes
stays behind. Repeats are played out. Grace notes, trills and other embellishments, fermatas, chord symbols and
directives are left out: what remains is the written melody.

MIDI has no bar lines, and a tune may begin with a pickup or restart in the middle of a bar. The translator plays the
first note of every bar louder than any other (`BAR_ACCENT`), so accents are bar lines; then velocities are levelled.
"""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from softaxes.data.music.manifest import Skipped
from softaxes.data.music.midi import Limits, abc_to_midi_program, read_bytes
from softaxes.data.music.read import Reading, song_from_midi
from softaxes.data.music.song import Song, meters_from_downbeats

BAR_ACCENT = 105  # abc2midi's default velocity of a bar's first note; the others get 95 and 80
VELOCITY = 80
BATCH_TUNES = 100
BATCH_SECONDS, TUNE_SECONDS = 30.0, 5.0  # patience with the translator, which may hang on damaged text
EMBELLISHMENTS = re.compile(
    r"""`                                      # spacing marks
    | "[^"]*" | \{[^}]*\} | ![^!]*!         # chord symbols and remarks, grace notes, decorations by name
    | [~.HJLMOPRSTuv]+(?=[\^_=(\[\d:~.u]*(?:"[^"]*"|\{[^}]*\})*[\^_=(\[\d:]*[A-Ga-gxz])  # and by sign, before a note
    """,
    re.VERBOSE,
)
HEADER_FIELDS = "CLMOQ"  # fields before the first tune that hold for every tune


def read_abc(
    text_or_path: str | os.PathLike[str], steps_per_beat: int = 4, *, limits: Limits | None = None
) -> list[Song]:
    """All readable tunes of an ABC book, each named by its title.

    Args:
        text_or_path: the book's text (it holds an ``X:`` line), or the path of an .abc file.

    Raises:
        ValueError: no such file, too large, or no tune in it could be read; one line.
    """
    songs, skipped = scan_abc(text_or_path, steps_per_beat, limits=limits)
    if not any(isinstance(song, Song) for song in songs):
        where = "the text" if _is_text(text_or_path) else os.fspath(text_or_path)
        why = f" ({skipped[0].name}: {skipped[0].reason})" if skipped else " (no X: line)"
        raise ValueError(f"{where}: no tune in ABC notation could be read{why}")
    return [song for song in songs if song is not None]


def scan_abc(
    text_or_path: str | os.PathLike[str], steps_per_beat: int = 4, *, limits: Limits | None = None
) -> tuple[list[Song | None], list[Skipped]]:
    """Like `read_abc`, but with None in the place of every unreadable tune, and the list of those with reasons."""
    limits = limits or Limits()
    is_text = _is_text(text_or_path)
    book = str(text_or_path) if is_text else decode(read_bytes(Path(text_or_path), limits.bytes))
    return tunes_to_songs(cut_tunes(book), steps_per_beat, limits)


def decode(data: bytes) -> str:
    """Text in UTF-8 if it can be, else in Latin-1, as older tune books are."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def cut_tunes(book: str) -> list[str]:
    """The texts of a book's tunes, each beginning with its ``X:`` line; [] if there is none.

    Settings before the first tune (metre, unit length, tempo) are repeated in each.
    """
    pieces = re.split(r"^(?=X:)", book.replace("\r\n", "\n").replace("\r", "\n"), flags=re.MULTILINE)
    common = "".join(line + "\n" for line in pieces[0].split("\n") if re.match(rf"[{HEADER_FIELDS}]:", line))
    return [piece.replace("\n", "\n" + common, 1) for piece in pieces[1:]]


def tunes_to_songs(
    tunes: Sequence[str], steps_per_beat: int = 4, limits: Limits | None = None
) -> tuple[list[Song | None], list[Skipped]]:
    """One Song (or None, and a `Skipped`) per tune, in order."""
    songs: list[Song | None] = []
    skipped: list[Skipped] = []
    for number, (tune, midi) in enumerate(zip(tunes, _translate(tunes), strict=True), start=1):
        name = title(tune) or f"tune {number}"
        try:
            songs.append(_song(midi, name, steps_per_beat, limits or Limits()))
        except ValueError as error:
            songs.append(None)
            skipped.append(Skipped(name, str(error)))
    return songs, skipped


def title(tune: str) -> str:
    """A tune's first ``T:`` line, or ''."""
    found = re.search(r"^T:[ \t]*(.*)$", tune, flags=re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def _is_text(text_or_path: str | os.PathLike[str]) -> bool:
    return isinstance(text_or_path, str) and re.search(r"^X:", text_or_path, flags=re.MULTILINE) is not None


def _song(midi: bytes | str, name: str, steps_per_beat: int, limits: Limits) -> Song:
    if isinstance(midi, str):
        raise ValueError(midi)
    song = song_from_midi(midi, name, steps_per_beat, reading=Reading("ticks"), limits=limits)
    if len(song.notes) == 0:
        raise ValueError("no notes in the tune")
    first_voice = song.notes[song.notes["track"] == 0]
    downbeats = np.unique(first_voice["onset"][first_voice["velocity"] == BAR_ACCENT]).astype(np.int64)
    notes = song.notes.copy()
    notes["velocity"] = VELOCITY
    meters = song.meters
    if len(meters) == 1:  # a tune that changes its metre keeps the metres as they are written
        meters = meters_from_downbeats(downbeats, meters[0][1:], steps_per_beat)
    return dataclasses.replace(song, notes=notes, meters=meters)


def _translate(tunes: Sequence[str]) -> list[bytes | str]:
    """For every tune its MIDI bytes, or what went wrong.

    A tune on which the translator stops is tried once more alone; the rest goes on after it.
    """
    results: list[bytes | str] = []
    while len(results) < len(tunes):
        batch = tunes[len(results) : len(results) + BATCH_TUNES]
        done = _run(batch, BATCH_SECONDS)
        lost = next((index for index, result in enumerate(done) if isinstance(result, str)), None)
        results += done[:lost]
        if lost is not None:
            results += _run([batch[lost]], TUNE_SECONDS)
    return results


def _run(tunes: Sequence[str], seconds: float) -> list[bytes | str]:
    """One run of the translator, in a folder of its own: MIDI bytes or a complaint for each tune."""
    with tempfile.TemporaryDirectory(prefix="softaxes-abc-") as folder:
        book = "\n\n".join(_clean(tune, number) for number, tune in enumerate(tunes, start=1))
        Path(folder, "t.abc").write_text(book + "\n", encoding="utf-8")
        command = [os.fspath(abc_to_midi_program()), "t.abc", "-NGRA", "-NGUI", "-NFER", "-quiet"]
        try:
            run = subprocess.run(command, cwd=folder, capture_output=True, timeout=seconds, check=False)
            complaint = re.search(r"^Error[^:]*: *(.*)$", run.stdout.decode("latin-1"), flags=re.MULTILINE)
            reason = complaint[1] if complaint else f"the ABC translator wrote nothing (exit status {run.returncode})"
        except subprocess.TimeoutExpired:
            reason = f"the ABC translator took more than {seconds:.0f} s"
        except OSError as error:
            reason = f"the ABC translator cannot run ({error.strerror})"
        files = [Path(folder, f"t{number}.mid") for number in range(1, len(tunes) + 1)]
        return [(file.read_bytes() if file.is_file() else b"") or reason for file in files]


def _clean(tune: str, number: int) -> str:
    """The tune as number ``number``, without what would harm: directives, which can read files; the rhythm field, on
    which the translator swings hornpipes off the grid; and the embellishments, which it would play."""
    lines = []
    for line in tune.split("\n")[1:]:
        if line.strip() and not re.match(r"%|[XIR]:", line):
            lines.append(line if re.match(r"[A-Za-z]:(?!\|)", line) else EMBELLISHMENTS.sub("", line))
    return "\n".join([f"X:{number}", *lines])
