"""The sweep's page: weights in order, means of seeds, and clear words for rows that do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from softaxes.report.sweep import kept_figures, sweep_report
from tests.report.worlds import check_page


def rows(weights: tuple[float, ...] = (1, 0, 0.1), seeds: tuple[int, ...] = (0, 1)) -> list[dict[str, float]]:
    return [
        {
            "weight": w,
            "seed": s,
            "cross_cos": 0.5 - 0.4 * w + 0.01 * s,
            "content_recall": 0.9 - 0.5 * w,
            "ridge_r2": 0.4,
        }
        for w in weights
        for s in seeds
    ]


def test_a_row_a_weight_in_order_with_means_and_extremes(tmp_path: Path) -> None:
    path = sweep_report(tmp_path, rows())
    read = check_page(path.read_text(encoding="utf-8"))
    assert read.text.index("0.505 [0.500, 0.510]".replace(" ", "")[:5]) > 0
    page = path.read_text(encoding="utf-8")
    order = [page.index(f">{value}<small>") for value in ("0.505", "0.465", "0.105")]
    assert order == sorted(order)
    assert "from 0 to 1" in read.text and "goes from 0.505 to 0.105" in read.text
    assert read.tags.count("svg") == 1
    assert len(json.loads((tmp_path / "metrics.json").read_text())["runs"]) == 6


def test_rows_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`rows` must hold at least one run, got none"):
        sweep_report(tmp_path, [])
    with pytest.raises(ValueError, match="every row must hold cross_cos, got weight, seed"):
        sweep_report(tmp_path, [{"weight": 1, "seed": 0}], content=())
    with pytest.raises(ValueError, match=r"every weight must have the same seeds, got \[\(0,\), \(0, 1\)\]"):
        sweep_report(tmp_path, rows()[:-1])


def test_one_weight_and_one_seed_are_a_point(tmp_path: Path) -> None:
    check_page(sweep_report(tmp_path, rows((1,), (0,))).read_text(encoding="utf-8"))


def test_figures_are_kept_while_weights_and_question_stay(tmp_path: Path) -> None:
    """They were kept by the folder's name alone: other weights, or another number of windows, gave the old figures."""
    calls = []

    def measure() -> dict[str, float]:
        calls.append(1)
        return {"cross_cos": float(len(calls))}

    (tmp_path / "model.safetensors").write_bytes(b"one")
    assert [kept_figures(tmp_path, {"windows": 9}, measure)["cross_cos"] for _ in range(2)] == [1, 1]
    assert kept_figures(tmp_path, {"windows": 8}, measure) == {"cross_cos": 2}
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert kept_figures(tmp_path, {"windows": 8}, measure) == {"cross_cos": 3}
    (tmp_path / "sweep.json").write_text('{"n": 3000, "cross_cos": 0.1}')  # as 0.3.0 wrote it
    assert kept_figures(tmp_path, {"windows": 8}, measure) == {"cross_cos": 4}
