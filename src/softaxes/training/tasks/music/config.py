"""Which settings make a run on music? A `MusicConfig`; with its seed it decides every weight.

Most settings may be left open. What is open takes the value of the *recipe* of its encoder and texture: the settings
whose figures docs/RESULTS.md quotes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from softaxes.data.music.corpora import CorpusName
from softaxes.data.music.read import Grid, Reading
from softaxes.geometry.kinds import Cycle, Kind, Line
from softaxes.model.networks.frames import CHROMA_HARMONICS, FRAMED
from softaxes.model.networks.turning import GROUPS
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
DIVISORS = {"vit": 8, "strided": 4}  # of a window; of two by the others
WEIGHT, SIZE = Range(0), Range(1)
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
_POOLED = _LOSS_ALONE | {"infonce": 0.3, "pitch_semitones": 12, "views": 3, "batch": 96}
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


def idle_settings(encoder: str) -> set[str]:
    """The settings that do nothing with this encoder."""
    takes = NETWORKS[encoder][1]
    return {name for name in ("rows", "width", "depth") if name not in takes}


def _open(name: str) -> Any:
    """What ``--help`` says of a setting that recipes fill in: the usual value, and where it is another."""
    used = [encoder for encoder in NETWORKS if name not in idle_settings(encoder)]
    values = {(encoder, texture): recipe(encoder, texture)[name] for encoder in used for texture in ("melody", "full")}
    for places in ((), (1,), (0,), (0, 1)):
        groups: dict[str, set[Any]] = {}
        for run, value in values.items():
            groups.setdefault(" ".join(run[place] for place in places), set()).add(value)
        if all(len(group) == 1 for group in groups.values()):
            break
    usual = Counter(value for group in groups.values() for value in group).most_common(1)[0][0]
    others = [f"{where}: {value}" for where, (value,) in groups.items() if value != usual]
    return tyro.conf.arg(
        help_behavior_hint=f"(default: {'; '.join([str(usual), *others])})", metavar=type(usual).__name__.upper()
    )


@dataclass(frozen=True)
class MusicConfig:
    """Settings of a music run; with the seed they decide every weight. None: as the recipe says.

    Attributes:
        corpus: where the music comes from (`softaxes.data.music.corpora`); all but "tunes" take a ``folder``, and only
            "pop909" is fetched without one.
        folder: the directory of the corpus; of "mixed" one that holds pop909/ and openscore/.
        texture: "melody" (one voice) or "full" (all tracks but drums).
        steps_per_beat: the grid; 4 = sixteenths.
        grid: how MIDI files are laid on it (`softaxes.data.music.read.Reading`).
        time_signature: of files that have none or a wrong one, "3/4" say.
        window_steps: length of a window in steps, even; "vit" asks for a multiple of 8, "strided" of 4.
        encoder: "turning" (commutes with delay), "plain" (an MLP on frames), or one to compare with: "rows" (pools
            rows), "vit", "strided".
        dim: latent size in floats.
        rows: of a frame, in semitones from the lowest note upwards (turning, plain).
        width: of the networks (turning, a multiple of 8; plain, rows).
        depth: of the networks (turning, plain, rows).
        steps: optimiser steps.
        batch: anchors in a step.
        learning_rate: of AdamW, after a warm-up of 30 steps and down a cosine.
        pitch_semitones: most that a view is transposed by; 0: no view is.
        shift_steps: most that a view is delayed by.
        views: of each anchor.
        within: weight of L_within, differences of one anchor against the law of their kinds; asks for two views.
        across: weight of L_across, differences of different anchors; asks for transposed views.
        size: weight of L_size, the lengths of differences.
        squared_error: weight of L_predict as a squared error.
        infonce: weight of L_predict as InfoNCE.
        temperature: what InfoNCE divides by.
        notes: weight of the notes decoded from f(x).
        steered_notes: weight of the notes of a view decoded from rho(s) f(x).
        noise: standard deviation of noise on latents before decoding.
        spread: weight of a floor under the standard deviations of the content.
        decorrelation: weight of the squared covariances of the content.
        sigreg: weight of SIGReg on the content.
        pull: weight of the mean square of the content.
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
    dim: Annotated[int | None, _open("dim")] = None
    rows: Annotated[int | None, _open("rows")] = None
    width: Annotated[int | None, _open("width")] = None
    depth: Annotated[int | None, _open("depth")] = None
    steps: Annotated[int | None, _open("steps")] = None
    batch: Annotated[int | None, _open("batch")] = None
    learning_rate: Annotated[float | None, _open("learning_rate")] = None
    pitch_semitones: Annotated[int | None, _open("pitch_semitones")] = None
    shift_steps: int = 8
    views: Annotated[int | None, _open("views")] = None
    within: Annotated[float | None, _open("within")] = None
    across: Annotated[float | None, _open("across")] = None
    size: Annotated[float | None, _open("size")] = None
    squared_error: Annotated[float | None, _open("squared_error")] = None
    infonce: Annotated[float | None, _open("infonce")] = None
    temperature: Annotated[float | None, _open("temperature")] = None
    notes: Annotated[float | None, _open("notes")] = None
    steered_notes: Annotated[float | None, _open("steered_notes")] = None
    noise: Annotated[float | None, _open("noise")] = None
    spread: Annotated[float | None, _open("spread")] = None
    decorrelation: Annotated[float | None, _open("decorrelation")] = None
    sigreg: Annotated[float | None, _open("sigreg")] = None
    pull: Annotated[float | None, _open("pull")] = None
    seed: int = 0

    def __post_init__(self) -> None:
        idle = idle_settings(self.encoder) if self.encoder in NETWORKS else set()
        refuse_idle(self, idle, f"encoder {self.encoder!r}")
        check_settings(self, RANGES)
        chosen = recipe(self.encoder, self.texture)
        for name in chosen.keys() - idle:
            if getattr(self, name) is None:
                object.__setattr__(self, name, chosen[name])
        if self.corpus == "tunes":
            refuse_idle(self, ["folder"], "corpus 'tunes'")
        if self.corpus in ("folder", "openscore", "mixed") and not self.folder:
            raise ValueError(f"`folder` must name a directory of music when corpus is {self.corpus!r}, got none")
        self._check_together()
        self.reading()

    def _check_together(self) -> None:
        """ValueError for settings that do not fit each other, or of which one does nothing beside another."""
        divisor = DIVISORS.get(self.encoder, 2)
        if self.window_steps % divisor:
            need = f"`window_steps` must be a multiple of {divisor} with encoder {self.encoder!r}"
            raise ValueError(f"{need}, got {self.window_steps}")
        if self.encoder == "turning" and (self.width or 0) % GROUPS:
            raise ValueError(f"`width` must be a multiple of {GROUPS} with encoder 'turning', got {self.width}")
        if self.views == 1 and (self.within or self.pitch_semitones):
            raise ValueError("`views` must be >= 2 with `within` or `pitch_semitones`, got 1")
        if self.across and not self.pitch_semitones:
            raise ValueError("`across` acts on transposed views only: give `pitch_semitones` too")
        if not self.infonce and self.temperature != recipe(self.encoder, self.texture)["temperature"]:
            raise ValueError("a run without `infonce` does not take `temperature`: leave it out")

    def reading(self) -> Reading:
        """How MIDI files are laid on the grid."""
        return Reading(self.grid, self.time_signature)

    @property
    def framed(self) -> bool:
        """Does the encoder read register and chroma off the roll?"""
        return self.encoder in FRAMED_ENCODERS


def music_kinds(config: MusicConfig) -> tuple[Kind, ...]:
    """Register adds; chroma and the content turn. Every plane of the content stands on its own two coordinates."""
    planes, _ = planes_of(config)
    harmonics = tuple(h for h, count in enumerate(planes, start=1) for _ in range(count))
    chroma = Cycle("chroma", 12, harmonics=tuple(range(1, CHROMA_HARMONICS + 1)), follows="pitch")
    return (Line("pitch"), chroma, Cycle("metre", config.window_steps, harmonics=harmonics))


def planes_of(config: MusicConfig) -> tuple[tuple[int, ...], int]:
    """Planes of each harmonic 1..window_steps/2, and how many numbers of the content are left to turn not at all.

    Even harmonics get four planes for every three of odd ones (notes repeat every two steps more than every odd
    number), the last one two, since its spectrum is real. None goes without a plane while there is room: then the
    lowest have one each.
    """
    assert config.dim is not None
    half, content = config.window_steps // 2, config.dim - FRAMED
    share = [*(3 + (h % 2 == 0) for h in range(1, half)), 2]
    scale = 0.93 * content / 2 / sum(share)
    planes = [max(1, round(scale * weight)) for weight in share]
    if content // 2 < half:
        planes = [1] * (content // 2) + [0] * (half - content // 2)
    while 2 * sum(planes) > content:
        planes[planes.index(max(planes))] -= 1
    return tuple(planes), content - 2 * sum(planes)
