"""What the tests of reports look at: tiny runs, encoders whose figures are known, music made of a few notes."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import torch
from torch import Tensor

from softaxes.data.blobs import KINDS
from softaxes.geometry.axes import Axes, LineAxis
from softaxes.geometry.kinds import Line
from softaxes.model.model import Model
from softaxes.model.part import Part

VOID = {"meta", "br", "img", "hr", "input", "link", "use", "path", "image", "rect", "circle", "ellipse", "line"}
LOADS = {"src", "href", "xlink:href", "data", "poster", "action", "srcset"}


class Read(HTMLParser):
    """A page as a reader's browser takes it: text, ids, tags, what it would load, and whether tags are balanced."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in LOADS:
                self.loads.append(str(value))
            if name == "style" and "url(" in str(value):
                self.loads.append(str(value).split("url(")[1].split(")")[0])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def check_page(page: str) -> Read:
    """Parses, every name once, and nothing comes from outside: only data and names within the page."""
    read = Read(page)
    assert len(read.ids) == len(set(read.ids))
    for target in read.loads:
        assert target.startswith(("#", "data:")), target
        if target.startswith("#"):
            assert target[1:] in read.ids, f"{target} leads nowhere"
    assert "@import" not in page
    return read


class ByHand(Model):
    """A model whose encoder is a function of images; axes along the first coordinates, a unit each."""

    def __init__(self, encode: Any, dim: int, names: tuple[str, ...], shape: tuple[int, ...]) -> None:
        directions = torch.eye(dim)
        axes = [LineAxis(Line(name), directions[i], torch.zeros(dim)) for i, name in enumerate(names)]
        super().__init__(Part("FlatEncoder", {"side": 4, "width": 2, "dim": dim}), Axes(axes), shape)
        self.function = encode

    def encode(self, windows: Any, *, batch: int = 512) -> Tensor:
        return self.function(torch.as_tensor(windows).float())


def blob_model(encode: Any, dim: int, side: int = 16) -> ByHand:
    return ByHand(encode, dim, tuple(kind.name for kind in KINDS), (1, side, side))


def tunes(songs: int = 6, windows: int = 4, *, steps: int = 32, context: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Random melodies: rolls (n, 2, 128, steps + 2 context) uint8 with a note on the first column, and their songs."""
    rng = np.random.default_rng(0)
    rolls = np.zeros((songs * windows, 2, 128, steps + 2 * context), dtype=np.uint8)
    for roll in rolls:
        for start in range(0, roll.shape[-1], 2):
            pitch = int(rng.integers(54, 78))
            roll[0, pitch, start] = 1
            roll[1, pitch, start : start + 2] = 1
    return rolls, np.repeat(np.arange(songs), windows)


class Remembering(ByHand):
    """Knows every window that it has seen in its lowest place: z = (lowest pitch, first onset, which one it is)."""

    def __init__(self, steps: int = 32) -> None:
        super().__init__(self._encode, 3, ("pitch", "time"), (2, 128, steps))
        self.decoder = torch.nn.Identity()
        self.known: dict[bytes, int] = {}
        self.rolls: list[np.ndarray] = []

    def _encode(self, windows: Tensor) -> Tensor:
        return torch.tensor([self._place(window) for window in windows.numpy() > 0], dtype=torch.float32)

    def _place(self, window: np.ndarray) -> tuple[float, float, float]:
        low, first = int(window.any(axis=(0, 2)).argmax()), int(window.any(axis=(0, 1)).argmax())
        home = np.roll(np.roll(window, -low, axis=1), -first, axis=2)
        number = self.known.setdefault(home.tobytes(), len(self.known))
        if number == len(self.rolls):
            self.rolls.append(home)
        return low, first, 1000.0 * number

    def decode(self, z: Any, *, batch: int = 512) -> Tensor:
        moved = [
            np.roll(np.roll(self.rolls[round(float(row[2]) / 1000)], round(float(row[0])), axis=1),
                    round(float(row[1])), axis=2)
            for row in torch.as_tensor(z)
        ]  # fmt: skip
        return torch.from_numpy(np.stack(moved)).float()
