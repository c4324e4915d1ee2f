"""UMAP: skipped with a sentence where it is not installed, drawn and turned where it is."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from softaxes.report.page import Page, Section, Widget, render
from softaxes.report.pictures import maps
from softaxes.report.toy_page import _umap_blocks
from tests.report.worlds import Read

POINTS = np.random.default_rng(0).normal(size=(40, 4))
PITCH, TIME = np.arange(40) % 9 - 4, np.arange(40) // 9 - 2


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not maps.has_umap()
    assert _umap_blocks(POINTS, PITCH, TIME, asked=True) == [maps.NO_UMAP]
    assert "pip install softaxes[umap]" in maps.NO_UMAP
    for call in (lambda: maps.umap_embedding(POINTS, 2), lambda: maps.umap_3d_html(POINTS[:, :3], PITCH, TIME)):
        with pytest.raises(ValueError, match="UMAP is left out"):
            call()


def test_asking_costs_no_import() -> None:
    loaded = set(sys.modules)
    maps.has_umap()
    assert not {"umap", "numba"} & (set(sys.modules) - loaded)
    assert "on demand" in _umap_blocks(POINTS, PITCH, TIME, asked=False)[0]


@pytest.mark.skipif(importlib.util.find_spec("plotly") is None, reason="needs the extra umap")
def test_the_turning_map_brings_its_own_script_and_asks_nobody() -> None:
    body = maps.umap_3d_html(POINTS[:, :3], PITCH, TIME)
    page = render(Page("t", "s", [], [Section("map", [Widget(body, "turn it")])]))
    assert not [target for target in Read(page).loads if not target.startswith(("#", "data:"))]
    assert len(body) > 1_000_000  # plotly itself
    assert "colour by time" in body and "pitch -4, time -2" in body
    small = maps.umap_3d_html(POINTS[:, :3], PITCH, TIME, script=False)
    assert len(small) < 30_000
    assert not [target for target in Read(small).loads if target.startswith("http")]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("umap") is None, reason="needs the extra umap")
def test_umap_keeps_two_clouds_apart_and_is_reproducible() -> None:
    points = np.concatenate([POINTS[:20], POINTS[20:] + 50])
    one, two = (maps.umap_embedding(points, dims) for dims in (2, 2))
    assert one.shape == (40, 2) and np.array_equal(one, two)
    apart = np.linalg.norm(one[:20].mean(0) - one[20:].mean(0))
    assert apart > 2 * one[:20].std(0).max()
