"""Which settings make a run on music? A `MusicConfig`; with its seed it decides every weight.

Most settings may be left open. What is open takes the value of the *recipe* of its encoder and texture: the settings
whose figures docs/RESULTS.md quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from softaxes.data.music.corpora import CorpusName
from softaxes.data.music.read import Grid, Reading
from softaxes.geometry.kinds import Cycle, Kind, Line
from softaxes.model.networks.frames import CHROMA_HARMONICS, FRAMED
from softaxes.training.settings import Range, check_settings, refuse_idle

Encoder = Literal["turning", "plain", "rows", "vit", "strided"]
NETWORKS = {  # the networks, and which settings each takes
    "turning": (("TurningEncoder", "TurningDecoder"), ("planes", "invariants", "rows", "width", "depth")),
    "plain": (("PlainEncoder", "PlainDecoder"), ("dim", "rows", "width", "depth")),
    "rows": (("RowPoolEncoder", "PoseDecoder"), ("dim", "width", "depth")),
    "vit": (("RollViT", "PoseDecoder"), ("dim",)),
    "strided": (("StridedEncoder", "PoseDecoder"), ("dim",)),
}
FRAMED_ENCODERS = ("turning", "plain")  # register and chroma are read off the roll: no view need be transposed
TERMS = (
    "within", "across", "size", "squared_error", "infonce", "notes", "steered_notes",
    "spread", "decorrelation", "sigreg", "pull", "noise",
)  # fmt: skip
FRACTION, WEIGHT, SIZE = Range(0, 1), Range(0), Range(1)
RANGES = {
    **dict.fromkeys(("steps_per_beat", "depth", "steps", "shift_steps", "views"), SIZE),
    **dict.fromkeys(TERMS, WEIGHT),
    "rows": Range(12, 128),
    "width": Range(8),
    "dim": Range(FRAMED + 2),
    "seed": Range(0),
    "window_steps": Range(2),
    "batch": Range(4),
    "pitch_semitones": Range(0, 127),
    "learning_rate": Range(0, 1, open=True),
    "temperature": Range(0, open=True),
}

_SHARED = {
    "depth": 3, "batch": 192, "learning_rate": 3e-3, "views": 1, "temperature": 1.0, "noise": 0.05, "notes": 1.0,
    **dict.fromkeys(("within", "across", "size", "squared_error", "steered_notes"), 0.0),
    **dict.fromkeys(("spread", "decorrelation", "sigreg", "pull"), 0.0),
}  # fmt: skip
_MELODY, _FULL = {"dim": 128, "rows": 48}, {"dim": 512, "rows": 80}
_LOSS_ALONE = {"views": 2, "batch": 128, "within": 0.3, "squared_error": 1.0, "steered_notes": 1.0}
_POOLED = _LOSS_ALONE | {"infonce": 0.3, "pitch_semitones": 12, "rows": 128, "views": 3, "batch": 96}
_RECIPES: dict[str, Mapping[str, Any]] = {
    "turning": {"width": 192, "pitch_semitones": 0},
    "plain": _LOSS_ALONE | {"width": 512, "steps": 1500, "infonce": 0.3, "pitch_semitones": 0},
    "rows": _POOLED | {"width": 512, "steps": 1500},
    "vit": _POOLED | {"width": 192, "steps": 1500},
    "strided": _POOLED | {"width": 192, "steps": 1500},
}
_TURNING = {
    "melody": {"steps": 1400, "infonce": 1.0, "temperature": 0.5},
    "full": {"steps": 2400, "infonce": 0.5},
}


def recipe(encoder: str, texture: str) -> dict[str, Any]:
    """The settings of an encoder and texture that are used where a run leaves them open."""
    own = _TURNING[texture] if encoder == "turning" else {}
    return {**_SHARED, **(_MELODY if texture == "melody" else _FULL), **_RECIPES[encoder], **own}


@dataclass(frozen=True)
class MusicConfig:
    """Settings of a music run; with the seed they decide every weight. None: as the recipe says.

    Attributes:
        corpus: where the music comes from (`softaxes.data.music.corpora`); all but "tunes" take a ``folder``, and only
            "pop909" is fetched without one.
        folder: the directory of the corpus; of "mixed" one that holds pop909/ and openscore/.
        texture: "melody" (one voice) or "full" (all tracks but drums).
        steps_per_beat: the grid; 4 = sixteenths.
        grid, time_signature: how MIDI files are laid on it (`softaxes.data.music.read.Reading`).
        window_steps: length of a window in steps, even.
        encoder: "turning" (commutes with delay), "plain" (an MLP on frames), or one to compare with: "rows" (pools
            rows), "vit", "strided".
        dim: latent size in floats.
        rows: of a frame, in semitones from the lowest note upwards (turning, plain).
        width, depth: of the networks.
        steps, batch: optimiser steps, and anchors in each.
        learning_rate: of AdamW, after a warm-up of 30 steps and down a cosine.
        pitch_semitones, shift_steps: largest amounts; no view is transposed where ``pitch_semitones`` is 0.
        views: of each anchor.
        within, across, size: weights of the factorization loss.
        squared_error, infonce, temperature: weights of L_predict, and what InfoNCE divides by.
        notes, steered_notes: weights of the notes decoded from f(x), and from rho(s) f(x).
        noise: standard deviation of noise on latents before decoding.
        spread, decorrelation, sigreg, pull: weights of a floor under the standard deviations of the content, of its
            squared covariances, of SIGReg on it, and of its mean square.
        seed: of everything random, the split included.
    """

    corpus: CorpusName = "tunes"
    folder: str = ""
    texture: Literal["melody", "full"] = "melody"
    steps_per_beat: int = 4
    grid: Grid = "auto"
    time_signature: str = ""
    window_steps: int = 32
    encoder: Encoder = "turning"
    dim: int | None = None
    rows: int | None = None
    width: int | None = None
    depth: int | None = None
    steps: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    pitch_semitones: int | None = None
    shift_steps: int = 8
    views: int | None = None
    within: float | None = None
    across: float | None = None
    size: float | None = None
    squared_error: float | None = None
    infonce: float | None = None
    temperature: float | None = None
    notes: float | None = None
    steered_notes: float | None = None
    noise: float | None = None
    spread: float | None = None
    decorrelation: float | None = None
    sigreg: float | None = None
    pull: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_settings(self, RANGES)
        if self.window_steps % 2:
            raise ValueError(f"`window_steps` must be even, got {self.window_steps}")
        refuse_idle(self, idle_settings(self.encoder), f"encoder {self.encoder!r}")
        for name, value in recipe(self.encoder, self.texture).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        if self.corpus == "tunes":
            refuse_idle(self, ["folder"], "corpus 'tunes'")
        if self.corpus in ("folder", "openscore", "mixed") and not self.folder:
            raise ValueError(f"`folder` must name a directory of music when corpus is {self.corpus!r}, got none")
        self.reading()

    def reading(self) -> Reading:
        """How MIDI files are laid on the grid."""
        return Reading(self.grid, self.time_signature)

    @property
    def framed(self) -> bool:
        """Does the encoder read register and chroma off the roll?"""
        return self.encoder in FRAMED_ENCODERS


def idle_settings(encoder: str) -> set[str]:
    """The settings that do nothing with this encoder."""
    takes = NETWORKS[encoder][1]
    return {name for name in ("rows", "width", "depth") if name not in takes}


def music_kinds(config: MusicConfig) -> tuple[Kind, ...]:
    """Register adds; chroma and the content turn. Every plane of the content stands on its own two coordinates."""
    planes, _ = planes_of(config)
    harmonics = tuple(h for h, count in enumerate(planes, start=1) for _ in range(count))
    chroma = Cycle("chroma", 12, harmonics=tuple(range(1, CHROMA_HARMONICS + 1)), follows="pitch")
    return (Line("pitch"), chroma, Cycle("metre", config.window_steps, harmonics=harmonics))


def planes_of(config: MusicConfig) -> tuple[tuple[int, ...], int]:
    """Planes of each harmonic 1..window_steps/2, and how many numbers of the content are left to turn not at all.

    Even harmonics get four planes for every three of odd ones (notes repeat every two steps more than every odd
    number), the last one two, since its spectrum is real.
    """
    assert config.dim is not None
    half, content = config.window_steps // 2, config.dim - FRAMED
    share = [*(3 + (h % 2 == 0) for h in range(1, half)), 2]
    scale = 0.93 * content / 2 / sum(share)
    planes = [round(scale * weight) for weight in share]
    while 2 * sum(planes) > content:
        planes[planes.index(max(planes))] -= 1
    return tuple(planes), content - 2 * sum(planes)


def as_settings(config: MusicConfig) -> dict[str, Any]:
    """All settings by name, the recipe's among them."""
    return {field.name: getattr(config, field.name) for field in fields(config)}
