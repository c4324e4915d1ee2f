"""Where are a song's motifs, to see and to hear? One page that needs nothing else.

The song is drawn as piano roll in systems of a few bars, like a score: grey notes, the returns of each motif in its
colour, bar numbers above. Clicking a return, on the roll or in a motif's row, plays it; so does Enter on the keyboard.
The instrument is the explorer's, put into the page.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from softaxes.data.files import write_text
from softaxes.data.music.song import Song
from softaxes.motifs.find import Motif
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT
from softaxes.report.page import Page, Section, Widget, render

COLOURS = (
    "#3f83d8", "#dd7f2a", "#21a07a", "#b366cc", "#c9404f", "#8a9a20", "#1aa3b8", "#d2629c", "#7a6be0", "#a8742f",
    "#4f9e3a", "#5d7fa3",
)  # fmt: skip
SYSTEM_WIDTH, NOTE_HEIGHT, TOP = 1000, 3, 16  # of a system, in its own units
SYSTEM_BEATS = 32
Rows = Sequence[Sequence[Mapping[str, Any]]]


def write_motif_page(song: Song, motifs: Sequence[Motif], rows: Rows, path: Path) -> Path:
    """Write the page; ``rows`` say where each return is (``motif_find.COLUMNS``)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render(motif_page(song, motifs, rows)))
    return path


def motif_page(song: Song, motifs: Sequence[Motif], rows: Rows) -> Page:
    """The page as data."""
    count = sum(len(m.returns) for m in motifs)
    summary = (
        f"{len(song.notes):,} notes, {len(song.bars()):,} bars, {len(motifs)} motifs that return {count} times in all. "
        "Click a return to hear it."
    )
    if not motifs:
        summary = f"{len(song.notes):,} notes, and no motif was found."
    listing = Widget(
        "".join(_motif_row(k, m, r) for k, (m, r) in enumerate(zip(motifs, rows, strict=True))),
        "Place (bar:beat), transposition in semitones against the first statement drawn here, and what is kept. Faint "
        "returns are less certain.",
    )
    roll = Widget(
        "".join(_systems(song, motifs, rows)) + _script(song, motifs),
        f"Pitch upwards, time to the right, {_bars_per_system(song)} bars a system; colours are the motifs'.",
    )
    sections = [Section("The motifs", [listing])] if motifs else []
    return Page(f"Motifs of {song.name}", summary, [], [*sections, Section("Where they return", [roll])], slug="motifs")


def _motif_row(index: int, motif: Motif, rows: Sequence[Mapping[str, Any]]) -> str:
    buttons = "".join(
        f'<button data-play="{index},{k}" style="opacity:{0.55 + 0.45 * row["probability"]:.2f}" '
        f'title="{html.escape(_description(motif, row))}">{row["place"]} '
        f"<small>{_shift(row)} {row['relation']}</small></button>"
        for k, row in enumerate(rows)
    )
    return (
        f'<div class="motif" style="--colour:{_colour(index)}"><h3>{motif.name}: {len(motif.prototype)} notes, '
        f"{len(rows)} returns</h3>{_picture(motif.prototype)}<p>{buttons}</p></div>"
    )


def _description(motif: Motif, row: Mapping[str, Any]) -> str:
    return f"{motif.name} at {row['place']}, {_shift(row)} semitones, {row['relation']}, {row['track']}"


def _shift(row: Mapping[str, Any]) -> str:
    semitones = row["transposition_semitones"]
    return f"{semitones:+d}" if semitones else "±0"


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _picture(notes: Notes) -> str:
    """The prototype as a small roll."""
    end = int((notes.onset + np.maximum(notes.duration, TICKS_PER_BEAT // 8)).max())
    width = max(1, end - int(notes.onset[0])) / TICKS_PER_BEAT
    height = int(np.ptp(notes.midi)) + 1
    path = _path((notes.onset - notes.onset[0]) / TICKS_PER_BEAT, notes, int(notes.midi.max()), 1.0)
    return (
        f'<svg viewBox="0 0 {width:.3f} {height}" preserveAspectRatio="none" '
        f'style="width:{min(40, 4 + 2.2 * width):.1f}rem;height:{min(9, 1 + 0.28 * height):.1f}rem" '
        f'aria-hidden="true"><path d="{path}"/></svg>'
    )


def _path(start: np.ndarray, notes: Notes, highest: int, step: float, unit: float = 1.0) -> str:
    """Notes as one path of rectangles: ``start`` in units of x, one beat ``unit`` wide, one semitone ``step`` high."""
    width = np.maximum(notes.duration / TICKS_PER_BEAT, 1 / 8) * unit * 0.94
    y = (highest - notes.midi) * step
    return "".join(f"M{a:.5g} {b:.5g}h{w:.4g}v{step:.3g}h{-w:.4g}z" for a, b, w in zip(start, y, width, strict=True))


def _bars_per_system(song: Song) -> int:
    bars = song.bars()
    if len(bars) == 0:
        return 1
    return max(1, round(SYSTEM_BEATS * song.steps_per_beat / float(np.median(bars["steps"]))))


def _systems(song: Song, motifs: Sequence[Motif], rows: Rows) -> list[str]:
    """One picture for every few bars."""
    bars = song.bars()
    if len(bars) == 0:
        return []
    per = _bars_per_system(song)
    starts = bars["start"][::per].astype(int).tolist()
    ends = [*starts[1:], int(bars["start"][-1] + bars["steps"][-1])]
    widest = max(b - a for a, b in zip(starts, ends, strict=True))
    notes = _pitched(song)
    lowest, highest = (int(notes["pitch"].min()), int(notes["pitch"].max())) if len(notes) else (60, 72)
    drawn = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        frame = _Frame(song, start, end, SYSTEM_WIDTH / widest, lowest, highest)
        inside = notes[(notes["onset"] >= start) & (notes["onset"] < end)]
        first, held = number * per + song.first_bar(), bars[number * per : (number + 1) * per]
        lines = frame.bar_lines(held, first)
        parts = [lines, f'<path class="n" d="{frame.notes(inside)}"/>']
        parts += [frame.returns(k, m, r) for k, (m, r) in enumerate(zip(motifs, rows, strict=True))]
        label = f"bars {first} to {first + len(held) - 1}"
        box = f"0 0 {SYSTEM_WIDTH} {frame.height}"
        drawn.append(f'<svg class="system" viewBox="{box}" aria-label="{label}">{"".join(parts)}</svg>')
    return drawn


def _pitched(song: Song) -> np.ndarray:
    drums = np.array([track.is_drum for track in song.tracks], bool)
    return song.notes[~drums[song.notes["track"]]] if len(drums) else song.notes


class _Frame:
    """One system: steps ``start`` .. ``end``, ``unit`` wide a step."""

    def __init__(self, song: Song, start: int, end: int, unit: float, lowest: int, highest: int) -> None:
        self.song, self.start, self.end, self.unit, self.highest = song, start, end, unit, highest
        self.height = TOP + NOTE_HEIGHT * (highest - lowest + 2)

    def bar_lines(self, bars: np.ndarray, first: int) -> str:
        out = []
        for k, bar in enumerate(bars):
            x = (int(bar["start"]) - self.start) * self.unit
            out.append(
                f'<path class="b" d="M{x:.5g} {TOP - 6}V{self.height}"/><text x="{x + 2:.5g}" y="10">{first + k}</text>'
            )
        return "".join(out)

    def notes(self, notes: np.ndarray) -> str:
        x = (notes["onset"] - self.start) * self.unit
        width = notes["duration"] * self.unit * 0.94
        y = TOP + (self.highest - notes["pitch"].astype(int)) * NOTE_HEIGHT
        return "".join(f"M{a:.5g} {b}h{w:.4g}v{NOTE_HEIGHT}h{-w:.4g}z" for a, b, w in zip(x, y, width, strict=True))

    def returns(self, index: int, motif: Motif, rows: Sequence[Mapping[str, Any]]) -> str:
        """The returns of a motif that begin in this system, each to click."""
        out = []
        per_step = TICKS_PER_BEAT / self.song.steps_per_beat
        for k, (found, row) in enumerate(zip(motif.returns, rows, strict=True)):
            first = found.notes.onset[0] / per_step
            if not self.start <= first < self.end:
                continue
            x = (found.notes.onset / per_step - self.start) * self.unit
            beat = self.unit * self.song.steps_per_beat
            path = _path(x, found.notes, self.highest, NOTE_HEIGHT, beat)
            left, right = x.min(), (x + np.maximum(found.notes.duration / TICKS_PER_BEAT, 1 / 8) * beat).max()
            top, low = self.highest - int(found.notes.midi.max()), self.highest - int(found.notes.midi.min())
            box = (
                f'<rect x="{left - 1.5:.5g}" y="{TOP + top * NOTE_HEIGHT - 2}" width="{right - left + 3:.5g}" '
                f'height="{(low - top + 1) * NOTE_HEIGHT + 4}" rx="2"/>'
            )
            out.append(
                f'<g class="o" data-play="{index},{k}" tabindex="0" role="button" style="--colour:{_colour(index)}">'
                f"<title>{html.escape(_description(motif, row))}</title>{box}"
                f'<path transform="translate(0 {TOP})" d="{path}"/>'
                f'<text x="{left:.5g}" y="{TOP + top * NOTE_HEIGHT - 3}">{motif.name}</text></g>'
            )
        return "".join(out)


def _script(song: Song, motifs: Sequence[Motif]) -> str:
    """The returns' notes in seconds, the instrument, and what a click does."""
    data = [[_seconds(song, r.notes) for r in m.returns] for m in motifs]
    numbers = json.dumps(data, separators=(",", ":"))
    return f"<style>{_STYLE}</style><script>const RETURNS={numbers};\n{_instrument()}\n{_PLAYER}</script>"


def _seconds(song: Song, notes: Notes) -> list[list[float]]:
    """[onset, duration, pitch] from the first note on, at the tempo where it begins."""
    step = notes.onset[0] * song.steps_per_beat / TICKS_PER_BEAT
    bpm = next(bpm for at, bpm in reversed(song.tempi) if at <= step)
    second = 60 / bpm / TICKS_PER_BEAT
    columns = zip(
        (notes.onset - notes.onset[0]) * second, np.maximum(notes.duration, 30) * second, notes.midi, strict=True
    )
    return [[round(float(o), 3), round(float(d), 3), int(p)] for o, d, p in columns]


def _instrument() -> str:
    """The explorer's pitch.js and synth.js as one plain script."""
    static = resources.files("softaxes") / "explorer" / "static"
    text = "\n".join((static / name).read_text(encoding="utf-8") for name in ("pitch.js", "synth.js"))
    return re.sub(r"^export ", "", re.sub(r"^import .*$", "", text, flags=re.M), flags=re.M)


_STYLE = """
.motif{border-left:4px solid var(--colour);padding:.1rem 0 .1rem .9rem;margin:1.4rem 0}
.motif h3{margin:.2rem 0}.motif svg path{fill:var(--colour)}
.motif button{font:inherit;font-size:.8rem;color:inherit;background:none;border:1px solid var(--line);
border-radius:4px;margin:0 .3rem .3rem 0;padding:.1rem .4rem;cursor:pointer}
.motif button:hover,.motif button.on{border-color:var(--colour);
background:color-mix(in srgb,var(--colour) 18%,transparent)}
.motif small{color:var(--faint)}
svg.system{margin:0 0 .5rem}.system .n{fill:var(--faint);opacity:.45}.system .b{stroke:var(--line);fill:none}
.system text{font-size:8.5px;fill:var(--faint)}
.o{cursor:pointer}.o path{fill:var(--colour)}.o rect{fill:var(--colour);fill-opacity:.1}
.o text{fill:var(--colour);font-weight:700}
.o:hover rect,.o.on rect,.o:focus rect{fill-opacity:.35}.o:focus{outline:none}
"""
_PLAYER = """
let playing = null;
async function hear(name) {
  const marked = document.querySelectorAll(`[data-play="${name}"]`);
  const before = playing; playing = null;
  if (before) { before.voice.stop(); if (before.name === name) return; }
  const [motif, which] = name.split(",").map(Number), notes = RETURNS[motif][which];
  const end = Math.max(...notes.map(([onset, duration]) => onset + duration));
  const show = (at) => {
    marked.forEach((node) => node.classList.toggle("on", at !== null));
    if (at === null && playing && playing.name === name) playing = null;
  };
  const voice = await play(notes, { stepSeconds: 1, steps: end + 0.3, onStep: show });
  playing = { name, voice };
}
for (const node of document.querySelectorAll("[data-play]")) {
  node.addEventListener("click", () => hear(node.dataset.play));
  node.addEventListener("keydown", (event) => { if (event.key === "Enter") hear(node.dataset.play); });
}
"""
