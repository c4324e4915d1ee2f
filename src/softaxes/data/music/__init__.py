"""Real music as arrays: files to songs on a grid, songs to piano rolls, rolls to windows, and corpora of them.

In reading order: `song` (what a piece is), `chunks`, `midi`, `beats`, `grids`, `read` (MIDI files: every entrance goes
through `read`), `tunebook`, `rolls`, `skyline`, `packed`, `windows`, then `folders`, `tunes`, `pop909`, `openscore`
(where music comes from), `pop909_labels`, `duplicates`, `manifest`, `cache`, `corpus`, `corpora` (reads them by name),
`splits`.
"""

from softaxes.data.music.beats import Beats
from softaxes.data.music.corpora import load_corpus
from softaxes.data.music.corpus import Corpus
from softaxes.data.music.manifest import Manifest, Skipped
from softaxes.data.music.midi import Limits, write_song
from softaxes.data.music.read import Reading, read_song
from softaxes.data.music.rolls import full_texture, melody, notes_to_roll, roll_to_notes
from softaxes.data.music.skyline import skyline
from softaxes.data.music.song import NOTE_DTYPE, Song, Track, merge_unisons, note_array
from softaxes.data.music.splits import Split, split
from softaxes.data.music.tunebook import read_abc
from softaxes.data.music.windows import Windows, cut_windows, isolate

__all__ = [
    "NOTE_DTYPE",
    "Beats",
    "Corpus",
    "Limits",
    "Manifest",
    "Reading",
    "Skipped",
    "Song",
    "Split",
    "Track",
    "Windows",
    "cut_windows",
    "full_texture",
    "isolate",
    "load_corpus",
    "melody",
    "merge_unisons",
    "note_array",
    "notes_to_roll",
    "read_abc",
    "read_song",
    "roll_to_notes",
    "skyline",
    "split",
    "write_song",
]
