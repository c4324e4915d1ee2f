"""``softaxes steer IN.mid --pitch +3 --out OUT.mid``: move a song along a model's axes and hear it."""

from __future__ import annotations

import sys
from pathlib import Path

from softaxes.data.files import check_outputs, printable, write_bytes
from softaxes.data.music import write_song
from softaxes.data.music.read import Reading
from softaxes.model.checkpoint import load
from softaxes.songs.steer_file import Others, steer_file


def steer(
    song: Path,
    /,
    *,
    out: Path,
    pitch: int = 0,
    metre: int = 0,
    model: str = "melody",
    others: Others = "move",
    picture: Path | None = None,
    reading: Reading = Reading(),  # noqa: B008  a frozen dataclass
) -> None:
    """Move a song along the axes of a model and write what it decodes to as MIDI; one line says how much came back.

    Args:
        song: a MIDI file.
        out: the MIDI file to write.
        pitch: semitones, positive is up.
        metre: steps (sixteenths) by which the music moves against its bar lines, positive is later.
        model: a shipped model, a run folder or a model file.
        others: notes that the model does not hear: "move" them by the same amounts exactly, so that the harmony stays
            (drums move in time only); "keep" them where they are; "drop" them, to hear the model alone.
        reading: how the file is laid on the grid.
        picture: a PNG to write as well: before, after and the true edit.
    """
    check_outputs([song], {"out": out, "picture": picture})
    if picture is not None and picture.suffix.lower() != ".png":
        raise ValueError(f"`picture` must end in .png, got {picture}")
    result = steer_file(load(model), song, pitch=pitch, metre=metre, others=others, reading=reading)
    if picture is not None:
        from softaxes.report.pictures.canvas import to_png
        from softaxes.report.pictures.songs import song_before_and_after

        titles = (printable(song.name), f"steered: pitch {pitch:+d} semitones, metre {metre:+d} steps", "the true edit")
        write_bytes(picture, to_png(song_before_and_after(result.on_grid.song, result.steered, titles=titles)))
    write_song(result.edited, out, result.extras)
    print(result.line, file=sys.stderr)
