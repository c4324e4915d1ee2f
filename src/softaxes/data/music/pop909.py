"""What do POP909's files say, and where do its bars begin? 909 pop songs as piano MIDI (Wang et al., ISMIR 2020).

A song is a folder ``NNN`` with ``NNN.mid`` (tracks MELODY, BRIDGE, PIANO), ``beat_midi.txt`` and perhaps ``versions/``.
The MIDI was made from performances: its beats are one quarter note apart but begin anywhere between two ticks of the
grid, and its time signatures say nothing (mostly 1/4). So the grid is laid through the beats of beat_midi.txt, whose
columns are: seconds; a beat of weight; a downbeat. On the file's own ticks notes would lie a quarter of a step off on
average, which is chance; on the beats they lie within 0.02 steps (median over songs). A song without that file is laid
on the grid of its notes, and its bars are then the file's.

The data are MIT-licensed and come from github.com/music-x-lab/POP909-Dataset at the commit below.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from softaxes.data.music.cache import cache_folder
from softaxes.data.music.folders import check_folder
from softaxes.data.optional import need

COMMIT = "d83e6ed"
URL = f"https://github.com/music-x-lab/POP909-Dataset/archive/{COMMIT}.zip"
MAX_MEMBER_BYTES = 20_000_000

Downloader = Callable[[str, str, object], None]


def song_files(root: Path) -> list[str]:
    """Names of the songs' files below the `song_folder`, sorted; each is to be laid on the beats that lie beside it.

    The other arrangements in ``versions/`` are not among them: they have no beats of their own.
    """
    return [path.relative_to(root).as_posix() for path in sorted(root.glob("[0-9][0-9][0-9]/[0-9][0-9][0-9].mid"))]


def song_folder(folder: str | os.PathLike[str] | None) -> Path:
    """The folder that holds the song folders; ValueError (one line) if there is none."""
    root = check_folder(folder, "pop909")
    for candidate in (root, root / "POP909"):
        if next(candidate.glob("[0-9][0-9][0-9]/[0-9][0-9][0-9].mid"), None):
            return candidate
    raise ValueError(f"{root}: holds no POP909 songs (folders 001, 002, ... with 001.mid, 002.mid, ...)")


def fetch_pop909(url: str = URL, folder: Path | None = None, downloader: Downloader | None = None) -> Path:
    """Fetch POP909 once into the cache and return the folder of its songs.

    The commit in the address pins the content; the SHA-256 of the archive that came is kept beside it and holds for
    later runs, since no checksum is published. Raises ValueError (one line) where fetching is not possible.
    """
    folder = folder or cache_folder() / f"pop909-{COMMIT}"
    if (folder / "complete").is_file():
        return song_folder(folder)
    pooch = need("pooch", "fetching POP909 (without a local `folder`)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        archive = Path(pooch.retrieve(url, None, f"{COMMIT}.zip", folder, downloader=downloader))
        _unpack(archive, folder / "POP909")
        (folder / "complete").write_text(f"{url}\nsha256 {hashlib.sha256(archive.read_bytes()).hexdigest()}\n")
        archive.unlink()
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{url}: could not be fetched ({reason}); get it yourself and give its `folder`") from None
    return song_folder(folder)


def _unpack(archive: Path, target: Path) -> None:
    """Unpack the MIDI and text files below POP909/ of the archive; nothing can land outside ``target``."""
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            parts = Path(member.filename).parts
            wanted = member.filename.endswith((".mid", ".txt")) and "POP909" in parts and ".." not in parts
            if not wanted or member.file_size > MAX_MEMBER_BYTES:
                continue
            path = target.joinpath(*parts[parts.index("POP909") + 1 :])
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipped.open(member) as source, path.open("wb") as sink:
                shutil.copyfileobj(source, sink)
