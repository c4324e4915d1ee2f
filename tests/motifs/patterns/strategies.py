"""Small random pieces with many repetitions, for hypothesis."""

from __future__ import annotations

from hypothesis import Phase, settings
from hypothesis import strategies as st

# No shrinking: a failing example is small already, and shrinking through slow twins takes minutes.
few = settings(max_examples=40, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))

point = st.tuples(st.integers(0, 7), st.integers(0, 4))
pieces = st.lists(point, min_size=0, max_size=12)
nonempty = st.lists(point, min_size=1, max_size=12)
dense = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3)), min_size=8, max_size=22)
shifts = st.tuples(st.integers(-5000, 5000), st.integers(-40, 40))
strings = st.lists(st.integers(0, 4), min_size=0, max_size=14)
