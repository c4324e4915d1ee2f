"""Which music can everyone train on offline? Public-domain fiddle tunes out of the installed music21 package's corpus.

Three printed collections, transcribed to ABC by volunteers: Aird's Selection of Airs (1778-1801), O'Neill's Music of
Ireland (1850 tunes, 1903) and Ryan's Mammoth Collection (1883); about 4,250 tunes, one voice each. music21 is a source
of files here: its folder is found without importing it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from importlib.metadata import version
from pathlib import Path

from softaxes.data.music.folders import find_files
from softaxes.data.music.manifest import FileRecord, Skipped, record
from softaxes.data.music.midi import Limits
from softaxes.data.music.song import Song
from softaxes.data.music.tunebook import cut_tunes, decode, tunes_to_songs
from softaxes.data.optional import missing

BOOKS = ("airdsAirs", "oneills1850", "ryansMammoth")
CACHE_VERSION = 4  # rises when what is read from the same files changes


def tunes_folder() -> Path:
    """The corpus folder of the installed music21 package. ValueError (one line) without one."""
    spec = importlib.util.find_spec("music21")
    places = list(spec.submodule_search_locations or []) if spec else []
    folder = Path(places[0], "corpus") if places else None
    if folder is None or not any((folder / book).is_dir() for book in BOOKS):
        raise missing("music21", "corpus 'tunes'")
    return folder


def tune_files(folder: Path) -> list[str]:
    """Names of the collections' ABC files below the corpus folder, sorted."""
    return [f"{book}/{name}" for book in BOOKS for name in find_files(folder / book, (".abc",))]


def read_tunes(
    folder: Path, steps_per_beat: int, limits: Limits
) -> tuple[list[str], list[Song], list[FileRecord], list[Skipped]]:
    """Every tune of every book: ids ``book/file#number``, songs, files, and what was skipped."""
    labels: list[str] = []
    texts: list[str] = []
    files = []
    for name in tune_files(folder):
        tunes = cut_tunes(decode((folder / name).read_bytes()))
        files.append(record(folder / name, name))
        stem = name.removesuffix(".abc")
        labels += [f"{stem}#{number}" for number in range(1, len(tunes) + 1)] if len(tunes) > 1 else [stem] * len(tunes)
        texts += tunes
    songs, skipped = tunes_to_songs(texts, steps_per_beat, limits)
    lost = iter(skipped)
    named = [Skipped(label, next(lost).reason) for label, song in zip(labels, songs, strict=True) if song is None]
    read = [(label, song) for label, song in zip(labels, songs, strict=True) if song is not None]
    return [label for label, _ in read], [song for _, song in read], files, named


def cache_name(folder: Path, steps_per_beat: int, limits: Limits) -> str:
    """A file name that changes with the files (names and sizes), the settings and the versions of what reads them."""
    listing = [(name, (folder / name).stat().st_size) for name in tune_files(folder)]
    versions = [CACHE_VERSION, version("softaxes"), version("symusic")]
    text = json.dumps([versions, steps_per_beat, vars(limits), listing])
    return f"tunes-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"
