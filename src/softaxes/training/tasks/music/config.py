"""Which settings make a run on music? A `MusicConfig`; with its seed it decides every weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from softaxes.data.music.corpora import CorpusName
from softaxes.data.music.read import Grid, Reading
from softaxes.geometry.kinds import Circle, Kind, Line
from softaxes.training.settings import Range, check_settings, refuse_idle

ENCODERS = {  # the network, and which arguments it takes
    "rows": ("RowPoolEncoder", ("steps", "dim", "width", "reach")),
    "aligned": ("AlignedEncoder", ("steps", "dim", "width", "low", "high", "period")),
    "vit": ("RollViT", ("steps", "dim")),
    "strided": ("StridedEncoder", ("steps", "dim")),
    "hard": ("HardEncoder", ("steps", "dim", "width", "periods")),
    "split": ("SplitEncoder", ("steps", "dim", "width")),
}
DECODERS = {
    "pose": ("PoseDecoder", ("steps", "dim", "width", "reach", "rank")),
    "outer": ("OuterProductDecoder", ("steps", "dim", "width", "rank")),
    "grid": ("GridDecoder", ("steps", "dim", "width")),
    "aligned": ("AlignedDecoder", ("steps", "dim", "width", "low", "high", "period", "harmonics")),
}
ALIGNED_TERMS = (
    "content_orthogonality", "equivariance", "bar", "semitone", "canonicalization", "frozen", "latent_noise",
)  # fmt: skip
FRACTION, WEIGHT, SIZE = Range(0, 1), Range(0), Range(1)
RANGES = {
    **dict.fromkeys(("bars", "steps_per_beat", "rank", "high", "steps", "shift_steps"), SIZE),
    **dict.fromkeys(("reach", "low", "seed"), Range(0)),
    **dict.fromkeys(("dim", "width"), Range(8)),
    **dict.fromkeys(("within", "across", "size", "squared_error", "infonce", "spread", "decorrelation"), WEIGHT),
    **dict.fromkeys(("notes", "masked", *ALIGNED_TERMS), WEIGHT),
    **dict.fromkeys(("isolated", "canonicalization", "frozen"), FRACTION),
    "window_steps": Range(2),
    "batch": Range(4),
    "pitch_semitones": Range(1, 127),
    "learning_rate": Range(0, 1, open=True),
    "temperature": Range(0, open=True),
}


@dataclass(frozen=True)
class MusicConfig:
    """Settings of a music run; with the seed they decide every weight.

    Attributes:
        corpus: where the music comes from (`softaxes.data.music.corpora`); all but "tunes" take a ``folder``, and only
            "pop909" is fetched without one.
        folder: the directory of the corpus; of "mixed" one that holds pop909/ and openscore/.
        texture: "melody" (one voice) or "full" (all tracks but drums).
        bars: bars in a window.
        steps_per_beat: the grid; 4 = sixteenths.
        grid, time_signature: how MIDI files are laid on it (`softaxes.data.music.read.Reading`).
        window_steps: length of a window in steps.
        encoder: "rows" (`RowPoolEncoder`), "aligned" (`AlignedEncoder`, which starts from principal components), or one
            to compare with (`softaxes.model.networks.ablations`): "vit", "strided", "hard", "split".
        decoder: "pose" (`PoseDecoder`), "outer" (`OuterProductDecoder`) or "grid" (`GridDecoder`); the aligned
            encoder has its own.
        dim: latent size in floats.
        width, reach, rank, low, high: of the networks; ``reach`` (rows), ``low`` and ``high`` (aligned) in semitones.
        steps, batch: optimiser steps and anchors in each (every anchor has three views).
        learning_rate: of AdamW, after a warm-up of 50 steps and down a cosine.
        pitch_semitones, shift_steps: largest amounts.
        shift_law: "uniform" draws amounts evenly, "gaussian" from a rounded normal distribution of half the largest
            amount (SIGReg wants coordinates of that law); neither draws 0.
        isolated: share of anchors that are isolated motifs.
        within, across, size, squared_error, infonce, spread, decorrelation, notes: weights of the terms.
        masked: weight of the anchors' notes, decoded from windows in which a rectangle of steps and pitches is hidden.
        content_orthogonality, equivariance, bar: weights of the terms of `softaxes.training.tasks.music.aligned`.
        temperature: of InfoNCE.
        semitone: length of a semitone in the finished latent, 0: as it was learned (aligned).
        canonicalization: share of the steps, the first ones, in which only the poses are learned (aligned).
        frozen: share of the steps, the last ones, in which only the decoder learns (aligned).
        latent_noise: standard deviation of noise before decoding (aligned).
        seed: of everything random, the split included.
    """

    corpus: CorpusName = "tunes"
    folder: str = ""
    texture: Literal["melody", "full"] = "melody"
    bars: int = 2
    steps_per_beat: int = 4
    grid: Grid = "auto"
    time_signature: str = ""
    window_steps: int = 32
    encoder: Literal["rows", "aligned", "vit", "strided", "hard", "split"] = "rows"
    decoder: Literal["pose", "outer", "grid"] = "pose"
    dim: int = 128
    width: int = 512
    reach: int = 24
    rank: int = 32
    low: int = 12
    high: int = 24
    steps: int = 600
    batch: int = 128
    learning_rate: float = 2e-3
    pitch_semitones: int = 12
    shift_steps: int = 8
    shift_law: Literal["uniform", "gaussian"] = "uniform"
    isolated: float = 0.25
    within: float = 1.0
    across: float = 1.0
    size: float = 0.1
    squared_error: float = 1.0
    infonce: float = 1.0
    spread: float = 4.0
    decorrelation: float = 0.5
    notes: float = 0.1
    masked: float = 0.0
    content_orthogonality: float = 3.0
    equivariance: float = 1.0
    bar: float = 0.3
    temperature: float = 1.0
    semitone: float = 0.0
    canonicalization: float = 0.25
    frozen: float = 0.2
    latent_noise: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        check_settings(self, RANGES)
        if round(self.canonicalization * self.steps) >= round((1 - self.frozen) * self.steps):
            got = f"{self.canonicalization} + {self.frozen}"
            raise ValueError(f"`canonicalization` + `frozen` must leave steps to code in, got {got}")
        refuse_idle(self, idle_settings(self), self._networks)
        if not self.infonce:
            refuse_idle(self, ["temperature"], "a run without `infonce`")
        if self.corpus == "tunes":
            refuse_idle(self, ["folder"], "corpus 'tunes'")
        if self.corpus in ("folder", "openscore", "mixed") and not self.folder:
            raise ValueError(f"`folder` must name a directory of music when corpus is {self.corpus!r}, got none")
        self.reading()

    def reading(self) -> Reading:
        """How MIDI files are laid on the grid."""
        return Reading(self.grid, self.time_signature)

    @property
    def _networks(self) -> str:
        aligned = self.encoder == "aligned"
        return f"encoder {self.encoder!r}" + ("" if aligned else f" with decoder {self.decoder!r}")


def networks_of(config: MusicConfig) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The encoder's and the decoder's network, and the arguments that each takes; "aligned" has its own decoder."""
    decoder = "aligned" if config.encoder == "aligned" else config.decoder
    return {"encoder": ENCODERS[config.encoder], "decoder": DECODERS[decoder]}


def idle_settings(config: MusicConfig) -> set[str]:
    """The settings that do nothing with the chosen networks."""
    taken = {name for _, takes in networks_of(config).values() for name in takes}
    taken |= set(ALIGNED_TERMS) if config.encoder == "aligned" else {"decoder"}
    return {"decoder", "reach", "rank", "low", "high", *ALIGNED_TERMS} - taken


def music_kinds(config: MusicConfig) -> tuple[Kind, ...]:
    """Register adds; the place in the bar and in the beat rotates; an isolated motif has a place in time."""
    bar = config.window_steps / config.bars
    beat = Circle("beat", config.steps_per_beat, follows="metre")
    return (Line("pitch"), Circle("metre", bar), beat, Line("time"))
