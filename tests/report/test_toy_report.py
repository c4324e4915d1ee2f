"""The report of a run on blobs: whole, honest on known encoders, and standing degenerate ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from softaxes.data.blobs import KINDS, blob_images
from softaxes.diagnostics import PROPERTIES, Report
from softaxes.report import article
from softaxes.report.controls import centroid
from softaxes.report.toy import toy_metrics, toy_report
from softaxes.report.toy_page import COMPARED
from softaxes.report.toy_suite import (
    CENTROID,
    FRESH,
    UNTRAINED,
    blob_margin,
    decode_blobs,
    draw_blobs,
    encode_blobs,
    pixel_probe,
    toy_findings,
    toy_suite,
)
from softaxes.training.tasks.blobs.config import ToyConfig
from softaxes.training.tasks.blobs.task import ToyTask
from tests.report.worlds import blob_model, check_page

SECTIONS = (
    "What the encoder sees",
    "How it learned",
    "Differences of one image",
    "One axis for all images",
    "Grids of shifts",
    "What is left of the image",
    "Controls",
    "How far the protocol moves",
    "Every figure",
)


@pytest.fixture(scope="module")
def written(tiny_toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("report") / "toy"
    shutil.copytree(tiny_toy, run)
    assert toy_report(run, n=600) == run / "report.html"
    return run


def suite_of(encode, dim: int, n: int = 200, margin: int = 0) -> Report:
    blobs = draw_blobs(n, seed=FRESH, margin=margin, grids=4)
    return toy_suite(encode_blobs(encode, blobs), blobs.triplets.anchor, draws=20)


def test_the_page_is_whole_and_needs_nothing(written: Path) -> None:
    read = check_page((written / "report.html").read_text(encoding="utf-8"))
    for words in (
        *SECTIONS,
        "published by the article",
        "0.116[a cell prints 0.126]",
        "0.954",
        "−0.884",
        "162.8",
        "163.2",
        "0.278 + 0.264",
        "0.60 to 0.80",
        "chance",
        "how to read it",
        UNTRAINED,
        CENTROID,
        "softaxes toy report RUN --umap",
    ):
        assert words in read.text, words
    assert read.tags.count("svg") == 13
    assert "nan" not in read.text.lower().split()


def test_the_first_table_is_published_here_chance(written: Path) -> None:
    page = (written / "report.html").read_text(encoding="utf-8")
    first = page[page.index("<table") : page.index("</table>")]
    assert first.index("published by the article") < first.index(">here<") < first.index("chance")
    assert first.count("<tr>") == 1 + 8


def test_metrics_hold_every_figure_with_interval_chance_n_and_reading(written: Path) -> None:
    metrics = json.loads((written / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["settings"] == {"n": 600, "seed": 0, "side": 16}
    suites = [metrics["figures"], metrics["article"]["same_protocol"], *metrics["controls"].values()]
    assert set(metrics["controls"]) == {UNTRAINED, CENTROID}
    assert [row["kind"] for row in metrics["redraw"]["moves"]] == ["pitch", "time"]
    assert list(metrics["redraw"]["cosines"]["parts"]) == ["all", "unclipped", "clipped"]
    for suite in suites:
        for key, row in suite.items():
            assert {"value", "low", "high", "n", "chance", "reading", "kind", "part"} <= set(row), key
            assert row["name"] in PROPERTIES or row["name"] == "decoder_r2"
    figures = metrics["figures"]
    for key in (
        *COMPARED,
        *article.PUBLISHED,
        "between_images.pitch",
        "size_r2.time",
        "shift_r2.pitch",
        "subspace_overlap.pitch+time",
        "content_recall.clipped",
        "same_cos.pitch.clipped",
    ):
        assert figures[key]["value"] is not None, key
    assert len(metrics["article"]["draws_of_500"]["same_cos"]) == 1
    own = figures["decoder_r2"]
    assert own["n"] == 600 and own["low"] <= own["value"] <= own["high"]


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(tiny_toy: Path) -> None:
    one, two, other = (
        toy_metrics(toy_findings(tiny_toy, n=40, seed=seed, controls=False), n=40, seed=0) for seed in (0, 0, 1)
    )
    assert str(one) == str(two) != str(other)


def test_fresh_images_are_none_that_any_seed_trains_on() -> None:
    config = ToyConfig(batch=64, steps=10**6)
    report_seeds = {FRESH + seed for seed in range(100)} | {2 * FRESH + seed for seed in range(100)}
    largest_training_seed = 10_000 * 1_000_003 + config.steps + 1
    assert min(report_seeds) > largest_training_seed
    task = ToyTask(ToyConfig(batch=64, steps=3))
    fresh = draw_blobs(64, seed=FRESH, grids=2).triplets.anchor
    assert not any(torch.equal(task.views(step).anchor, fresh) for step in range(-1, 3))


def test_a_centroid_is_perfect_unclipped_and_has_no_content() -> None:
    suite = suite_of(centroid, 2)
    for kind in KINDS:
        assert suite[f"axis_agreement.{kind.name}.unclipped"].value == pytest.approx(1)
        assert suite[f"additivity.{kind.name}.unclipped"].value == pytest.approx(0, abs=1e-5)
    assert suite["cross_cos.unclipped"].value == pytest.approx(0, abs=1e-5)
    assert suite["same_cos.unclipped"].value == pytest.approx(1)
    assert suite["opposite_cos.unclipped"].value == pytest.approx(-1)
    assert suite["same_cos.clipped"].value < 0.95
    assert suite["content_recall"].value < 0.1


def test_pixels_as_latents_are_decoded_in_full_and_a_dead_encoder_not_at_all() -> None:
    images = blob_images(600, seed=0)
    assert pixel_probe(images.flatten(1).numpy(), images).value > 0.9
    assert np.isnan(pixel_probe(np.ones((9, 2)), torch.zeros(9, 1, 4, 4)).value)
    dead = suite_of(lambda x: torch.zeros(len(x), 4), 4)
    assert dead["dead"].value == 1
    assert dead["ridge_r2"].value == pytest.approx(0, abs=1e-6)
    assert np.isnan(dead["same_cos"].value) and np.isnan(dead["grid_first.pitch"].value)
    noise = suite_of(lambda x: torch.randn(len(x), 8), 8, n=1000)
    assert noise["same_cos"].value == pytest.approx(noise["same_cos"].chance, abs=0.05)
    assert noise["grid_first.pitch"].value < 0.25


def test_nothing_is_called_clipped_where_nothing_is() -> None:
    suite = suite_of(centroid, 2, margin=4)
    assert not [key for key in suite if key.endswith(".clipped")]
    assert suite["same_cos"].value == pytest.approx(1)


def test_a_page_of_a_constant_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softaxes.report.toy_suite.load", lambda run: blob_model(lambda x: torch.zeros(len(x), 3), 3))
    read = check_page(toy_report(tmp_path, n=40, controls=False).read_text(encoding="utf-8"))
    for words in (
        "no steps were logged",
        "no decoder of its own",
        "the latents do not vary",
        "the differences do not vary",
        "Controls were not asked for.",
        "not one draw of the article's size",
    ):
        assert words in read.text, words


def test_the_own_decoder_is_judged_against_the_mean_image() -> None:
    class Perfect(type(blob_model(None, 256))):  # latents are the pixels
        def decode(self, z, *, batch=512):
            return torch.as_tensor(z).float().reshape(-1, 1, 16, 16)

    model = Perfect(lambda x: x.flatten(1), 256, ("pitch", "time"), (1, 16, 16))
    blobs = draw_blobs(30, seed=FRESH, grids=2)
    latents = encode_blobs(model.encode, blobs)
    assert decode_blobs(model, latents, blobs) is None
    model.decoder = torch.nn.Identity()
    found = decode_blobs(model, latents, blobs)
    assert found is not None and found.r2 == pytest.approx(1)
    assert found.examples["image"].shape == (8, 16, 16)
    assert np.array_equal(found.examples["image"], found.examples["decoded"])
    model.decode = lambda z, batch=512: blobs.triplets.anchor.mean(0).expand(len(z), 1, 16, 16)
    assert decode_blobs(model, latents, blobs).r2 == pytest.approx(0, abs=1e-6)


def test_untrained_networks_are_worse_than_trained_ones(tiny_toy: Path) -> None:
    found = toy_findings(tiny_toy, n=400)
    trained, plain = found.suite, found.controls[UNTRAINED]
    assert trained["same_cos.unclipped"].value > plain["same_cos.unclipped"].value + 0.1
    assert trained["opposite_cos.unclipped"].value < plain["opposite_cos.unclipped"].value - 0.3


def test_mistakes_are_told_in_a_line(tiny_toy: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`n` must be >= 20 triplets, got 5"):
        toy_report(tiny_toy, n=5)
    with pytest.raises(ValueError, match="no model"):
        toy_report(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"is no run on blobs: its inputs are \(2, 128, 32\)"):
        blob_margin(blob_model(None, 3).__class__(None, 3, ("pitch", "time"), (2, 128, 32)), tmp_path)
    with pytest.raises(ValueError, match="its kinds pitch, metre"):
        blob_margin(blob_model(None, 3).__class__(None, 3, ("pitch", "metre"), (1, 16, 16)), tmp_path)
    assert blob_margin(blob_model(None, 3, side=24), tmp_path) == 4
