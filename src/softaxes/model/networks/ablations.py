"""What would the default encoder have to beat, and what happens without what makes it work?

Four networks to compare with, each (B, 2, 128, steps) -> (B, dim), built as ``Network(steps=32, dim=128, ...)``:

    HardEncoder      an upper bound: moves the window to its own register and phase, codes what is left, and writes
                     register and phase into coordinates of their own. Nothing is learned about the axes.
    SplitEncoder     the usual way to disentangle: half of the latent codes pitches in order without their times,
                     the other half times without pitches. No axis, only two halves.
    RollViT          a small vision transformer with semitone resolution, for GPUs.
    StridedEncoder   the ablation: patches of several semitones, the usual stem. A shift by less than a patch is no
                     shift of its grid, so it is aliased.

None of them is trained by default; `softaxes.model.networks.rows.RowPoolEncoder` is the encoder of the library.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor, nn

from softaxes.model.networks.blocks import N_PITCHES, ResidualBlock


class HardEncoder(nn.Module):
    """The window in its own register and phase through an MLP; register, place and phases are written down by hand.

    The register is the lowest sounding pitch, the phase the mean angle of the onsets on the circle of the longest
    period; the window is moved down and turned back by them, so that content commutes with both: exactly with
    transpositions that lose nothing, and with delays as far as what leaves at one end comes in at the other.

    Coordinates: register, place (mean onset), cosine and sine of each period's phase, then content.

    Args:
        steps: window length.
        dim: latent size, more than 2 + 2 per period.
        width, depth: of the MLP.
        periods: of the circles, in steps; the others must divide the first.
        span: rows from the lowest on that are coded.
    """

    def __init__(
        self,
        steps: int = 32,
        dim: int = 128,
        width: int = 512,
        depth: int = 2,
        periods: tuple[int, ...] = (16, 4),
        span: int = 64,
    ) -> None:
        super().__init__()
        self.steps, self.periods, self.span = steps, tuple(periods), span
        self.pose_dim = 2 + 2 * len(self.periods)
        if dim <= self.pose_dim:
            raise ValueError(f"`dim` must be > {self.pose_dim} to hold register, place and phases, got {dim}")
        if any(self.periods[0] % period for period in self.periods):
            raise ValueError(f"`periods` must divide the first, got {self.periods}")
        self.content = _mlp(2 * span * steps, width, depth, dim - self.pose_dim)
        self.log_scale = nn.Parameter(torch.tensor([0.5, 0.5, *(1.0 for _ in self.periods)]).log())

    def forward(self, windows: Num[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B dim"]:
        register, phase, place = self.register(windows), self.phase(windows), self.place(windows)
        home = self.aligned(windows, register, self.origin(phase, place))
        content = self.content(home.to(self.log_scale.dtype).flatten(1))
        with torch.autocast(windows.device.type, enabled=False):
            scale = self.log_scale.float().exp()
            parts = [scale[0] * (register - N_PITCHES / 2), scale[1] * (place - self.steps / 2)]
            for index, period in enumerate(self.periods):
                angle = phase * (2 * math.pi / period)
                parts += [scale[2 + index] * angle.cos(), scale[2 + index] * angle.sin()]
            return torch.cat([torch.stack(parts, dim=1), content.float()], dim=1)

    def register(self, windows: Tensor) -> Int[Tensor, " B"]:
        """Lowest sounding pitch; the middle of the keyboard where nothing sounds."""
        sounding = windows.amax((1, 3)) > 0
        return torch.where(sounding.any(1), sounding.int().argmax(1), N_PITCHES // 2)

    def phase(self, windows: Tensor) -> Int[Tensor, " B"]:
        """Steps, 0 .. first period - 1, by which the onsets stand after the beginning of their circle, on average.

        0 where they are spread so evenly that they have no mean.
        """
        period = self.periods[0]
        angle = torch.arange(self.steps, device=windows.device) * (2 * math.pi / period)
        onsets = windows[:, 0].sum(1).float()  # (B, steps)
        x, y = onsets @ angle.cos(), onsets @ angle.sin()
        mean = torch.atan2(y, x) * (period / (2 * math.pi))
        rounded = torch.floor(mean + 0.501).long() % period  # halves go up for every turn, whatever the last bit says
        return rounded.where(torch.hypot(x, y) > 1e-3 * onsets.sum(1), 0)

    def place(self, windows: Tensor) -> Float[Tensor, " B"]:
        """Mean step of the onsets; the middle where there is none."""
        onsets = windows[:, 0].sum(1).float()
        steps = torch.arange(self.steps, device=windows.device).float()
        number = onsets.sum(1)
        return torch.where(number > 0, onsets @ steps / number.clamp_min(1), self.steps / 2)

    def origin(self, phase: Int[Tensor, " B"], place: Float[Tensor, " B"]) -> Int[Tensor, " B"]:
        """The step of that phase which comes last before the mean onset; may lie outside the window."""
        return phase + self.periods[0] * torch.floor((place - phase + 1e-3) / self.periods[0]).long()

    def aligned(
        self, windows: Tensor, register: Int[Tensor, " B"], origin: Int[Tensor, " B"]
    ) -> Num[Tensor, "B 2 span T"]:
        """The window with its lowest pitch in row 0 and ``origin`` at step 0; it is turned as a whole."""
        rows = register[:, None] + torch.arange(self.span, device=windows.device)
        inside = rows < N_PITCHES
        columns = (origin[:, None] + torch.arange(self.steps, device=windows.device)) % self.steps
        picked = windows.gather(2, rows.clamp_max(N_PITCHES - 1)[:, None, :, None].expand(-1, 2, -1, self.steps))
        picked = picked * inside[:, None, :, None].to(picked.dtype)
        return picked.gather(3, columns[:, None, None].expand(-1, 2, self.span, -1))


class SplitEncoder(nn.Module):
    """Half of the latent codes which pitches begin in which order, the other half when notes begin and sound.

    The pitch half does not change when notes move in time (as long as their order stays), the rhythm half not when
    they move in pitch. Together they hold all onsets.

    Args:
        steps, dim: as everywhere; ``dim`` must be even.
        width, depth: of the two MLPs.
    """

    def __init__(self, steps: int = 32, dim: int = 128, width: int = 512, depth: int = 2) -> None:
        super().__init__()
        if dim % 2:
            raise ValueError(f"`dim` must be even, half for pitch and half for rhythm, got {dim}")
        self.pitch = _mlp(N_PITCHES * steps, width, depth, dim // 2)
        self.rhythm = _mlp(2 * steps, width // 2, depth, dim // 2)

    def forward(self, windows: Num[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B dim"]:
        windows = windows.to(_dtype(self))
        pitch = self.pitch(without_times(windows[:, 0]).flatten(1))
        return torch.cat([pitch, self.rhythm(windows.sum(2).flatten(1))], dim=1).float()


def without_times(onsets: Num[Tensor, "B 128 steps"]) -> Float[Tensor, "B 128 steps"]:
    """Columns in which something begins, moved together to the left; order stays."""
    silent = (onsets.amax(1) <= 0).to(torch.uint8)
    order = silent.argsort(dim=1, stable=True)
    return onsets.gather(2, order[:, None].expand_as(onsets))


class RollViT(nn.Module):
    """A transformer over tokens of one pitch and ``patch`` steps; silent tokens are not attended to.

    128 rows times ``steps / patch`` tokens with learned positions, a class token, and a head on the class token beside
    the mean of the sounding tokens. Far slower than the default on CPUs; attention is exact and has no stride in
    pitch, so nothing is aliased, but nothing commutes with transposition either before it is learned.

    Args:
        steps, dim: as everywhere; ``patch`` must divide ``steps``.
        width: of a token, a multiple of ``heads``.
        depth, heads: of the transformer.
        patch: steps to a token.
    """

    def __init__(
        self, steps: int = 32, dim: int = 128, width: int = 192, depth: int = 6, heads: int = 6, patch: int = 8
    ) -> None:
        super().__init__()
        if patch < 1 or steps % patch:
            raise ValueError(f"`patch` must divide the window of {steps} steps, got {patch}")
        if width % heads:
            raise ValueError(f"`width` must be a multiple of {heads} heads, got {width}")
        self.patch = patch
        self.embed = nn.Linear(2 * patch, width)
        self.row = nn.Parameter(torch.randn(N_PITCHES, 1, width) * 0.02)
        self.column = nn.Parameter(torch.randn(1, steps // patch, width) * 0.02)
        self.summary = nn.Parameter(torch.randn(width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(2 * width)
        self.head = nn.Linear(2 * width, dim)

    def forward(self, windows: Num[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B dim"]:
        patches = windows.to(_dtype(self)).unflatten(3, (-1, self.patch))  # (B, 2, 128, columns, patch)
        patches = patches.permute(0, 2, 3, 1, 4).flatten(3)
        sounds = (patches.amax(-1) > 0).flatten(1)
        tokens = (self.embed(patches) + self.row + self.column).flatten(1, 2)
        tokens = torch.cat([self.summary.to(tokens.dtype).expand(len(tokens), 1, -1), tokens], dim=1)
        tokens = self.layers(tokens, src_key_padding_mask=_silent(sounds))
        number = sounds.sum(1, keepdim=True).clamp_min(1)
        mean = (tokens[:, 1:] * sounds[..., None].to(tokens.dtype)).sum(1) / number.to(tokens.dtype)
        return self.head(self.norm(torch.cat([tokens[:, 0], mean], dim=1))).float()


def _silent(sounds: Bool[Tensor, "B n"]) -> Bool[Tensor, "B n_1"]:
    """What attention leaves out: silent tokens, never the class token in front."""
    return torch.cat([torch.zeros_like(sounds[:, :1]), ~sounds], dim=1)


class StridedEncoder(nn.Module):
    """Patches of ``rows`` semitones by ``columns`` steps, convolutions over their grid, then an MLP: it aliases.

    Args:
        steps, dim: as everywhere; ``columns`` must divide ``steps`` and ``rows`` the 128 pitches.
        channels: of the convolutions.
        width, depth: of the MLP.
    """

    def __init__(
        self,
        steps: int = 32,
        dim: int = 128,
        width: int = 256,
        depth: int = 2,
        channels: int = 48,
        rows: int = 4,
        columns: int = 4,
    ) -> None:
        super().__init__()
        if rows < 1 or columns < 1 or N_PITCHES % rows or steps % columns:
            raise ValueError(f"`rows` and `columns` must divide {N_PITCHES} and {steps}, got {rows} and {columns}")
        self.stem = nn.Conv2d(2, channels, (rows, columns), stride=(rows, columns))
        self.mix = nn.Sequential(
            nn.GELU(), nn.Conv2d(channels, channels, 3, padding=1),
            nn.GELU(), nn.Conv2d(channels, channels, 3, padding=1), nn.GELU(),
        )  # fmt: skip
        self.head = _mlp(channels * (N_PITCHES // rows) * (steps // columns), width, depth, dim)

    def forward(self, windows: Num[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B dim"]:
        return self.head(self.mix(self.stem(windows.to(_dtype(self)))).flatten(1)).float()


def _mlp(fan_in: int, width: int, depth: int, fan_out: int) -> nn.Sequential:
    blocks = (ResidualBlock(width) for _ in range(depth))
    return nn.Sequential(nn.Linear(fan_in, width), *blocks, nn.LayerNorm(width), nn.GELU(), nn.Linear(width, fan_out))


def _dtype(network: nn.Module) -> torch.dtype:
    return next(network.parameters()).dtype
