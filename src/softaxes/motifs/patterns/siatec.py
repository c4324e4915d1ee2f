"""Where else does each maximal repeated pattern of a piece occur?

SIATEC = SIA, then one representative per translational class of MTPs, then every translator of each. The zero vector is
kept among the translators and the pattern shown is its first occurrence. Order: the vector of the class's first MTP.
Time O(n^3) in the worst case (here: the rarest inner vector names the candidates), memory O(n^2), at most 12,000 notes.

Source: Meredith, Lemström, Wiggins (2002), section 5.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from softaxes.motifs.patterns.sia import grouped_pairs
from softaxes.motifs.patterns.tecs import TECList, tecs_of_patterns


def siatec(points: ArrayLike, min_size: int = 2) -> TECList:
    """The TECs of all MTPs with at least ``min_size`` points; empty for fewer than two notes."""
    if min_size < 1:
        raise ValueError(f"`min_size` must be >= 1 point, got {min_size}")
    grid, pairs = grouped_pairs(points, "SIATEC")
    return tecs_of_patterns(grid, pairs.sources, pairs.starts, pairs, min_size)
