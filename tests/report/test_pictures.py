"""Every picture: what it draws of given data, its labels and units, and that it stands degenerate data."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from softaxes.data.music import Song, note_array
from softaxes.diagnostics import Figure as Value
from softaxes.diagnostics.cosines import cosines
from softaxes.geometry.kinds import Circle, Line
from softaxes.report import pictures
from softaxes.report.page import KIND_COLOURS, NEUTRAL
from softaxes.report.pictures import curves, directions, galleries, maps, operations, rolls, songs, spectra
from softaxes.report.pictures.canvas import INK, to_svg
from softaxes.songs.steer import SteeredSong

NAN = math.nan
RNG = np.random.default_rng(0)
KINDS = (Line("pitch"), Line("time"))


def texts(figure: Figure) -> str:
    """All words of a figure."""
    to_svg(figure, prefix="a")  # lays it out
    found = [
        text.get_text()
        for plot in figure.axes
        for text in [*plot.texts, plot.title, plot.xaxis.label, plot.yaxis.label]
    ]
    legends = [legend for holder in [figure, *figure.axes] for legend in _legends(holder)]
    return " | ".join(found + [text.get_text() for legend in legends for text in legend.get_texts()])


def _legends(holder: object) -> list:
    return list(getattr(holder, "legends", [])) or [x for x in [getattr(holder, "legend_", None)] if x is not None]


def differences(n: int = 40, dims: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Differences along the first coordinate (kind 0) and the second (kind 1), with a little noise."""
    kind, amount = np.arange(n) % 2, np.array([-2, -1, 1, 2] * (n // 4), dtype=float)
    rows = 0.01 * RNG.normal(size=(n, dims))
    rows[np.arange(n), kind] += amount
    return rows, kind, amount


def pairs(n: int = 30) -> object:
    """Cosines of pairs: pitch +1 with pitch +2, pitch -1, time 1. In the clipped last third time moves along pitch."""
    z, kind = np.zeros((n, 3)), np.tile([0, 0, 0, 1], (n, 1))
    amount = np.tile([1.0, 2.0, -1.0, 1.0], (n, 1))
    views = np.zeros((n, 4, 3))
    views[:, :3, 0], views[: -n // 3, 3, 1], views[-n // 3 :, 3, 0] = amount[:, :3], 1, 1
    clipped = np.zeros((n, 4), dtype=bool)
    clipped[-n // 3 :] = True
    return cosines(z, views, kind, amount, clipped=clipped, kinds=KINDS)


CASES: dict[str, Callable[[], Figure]] = {
    "shift_gallery": lambda: galleries.shift_gallery(
        np.ones((2, 3, 4, 4)), [-1, 0, 1], ["pitch", "time"], ["rows", "columns"]
    ),
    "triplet_gallery": lambda: galleries.triplet_gallery(
        np.ones((2, 4, 4)),
        np.ones((2, 2, 4, 4)),
        np.array([[0, 1]] * 2),
        np.array([[1, -2]] * 2),
        np.array([[False, True]] * 2),
        kinds=["pitch", "time"],
    ),
    "decoded_gallery": lambda: galleries.decoded_gallery(
        {"true": np.ones((2, 3, 3)), "decoded": np.full((2, 3, 3), 0.5)},
        ["pitch +1", "time -1"],
        ["#ff0000", "#00ff00"],
    ),
    "loss_curve": lambda: curves.loss_curve([1, 2, 3, 4], {"loss": [4, 3, 2, 1], "within": [1, 0, -1, 0.5]}),
    "training_curve": lambda: curves.training_curve(
        [{"step": 1, "loss": 2.0, "seconds": 3.0}, {"step": 2, "loss": 1.0}]
    ),
    "tradeoff_curve": lambda: curves.tradeoff_curve(
        [0, 1], np.array([[0.4, 0.5], [0.1, 0.2]]), {"kNN": np.array([[0.9, 0.8], [0.5, 0.6]])}, measure="cross"
    ),
    "noise_strips": lambda: curves.noise_strips(
        {"a": [1.0, 2.0]}, {"a": Value("same_cos", 1.5, 1.4, 1.6, 10, 0.5)}, {"a": 1.2}, {"a": "same sign"}
    ),
    "cosine_histograms": lambda: directions.cosine_histograms(pairs(), dims=3),
    "difference_plane": lambda: directions.difference_plane(*differences(), kinds=["pitch", "time"]),
    "asymmetry": lambda: directions.asymmetry({"pitch": (np.array([1.0, 0]), np.array([0, 1.0]))}, {"pitch": 90.0}),
    "grid_spectra_curves": lambda: spectra.grid_spectra_curves(
        {"pitch": np.array([[0.7, 0.3], [0.5, 0.5]]), "time": np.array([[0.9, 0.1], [NAN, NAN]])}
    ),
    "variance_spectrum": lambda: spectra.variance_spectrum({"latents": np.array([0.9, 0.1, 0.0])}),
    "kernel_pca_panels": lambda: maps.kernel_pca_panels(
        RNG.normal(size=(30, 3)), np.arange(30) - 15, np.arange(30) % 9 - 4
    ),
    "umap_panels": lambda: maps.umap_panels(RNG.normal(size=(9, 2)), np.arange(9) - 4, np.arange(9) % 3 - 1),
    "shift_sweep": lambda: operations.shift_sweep(
        np.arange(9.0), np.arange(9.0) + 2, np.full(9, 2.0), kind="pitch", unit="semitones"
    ),
    "phase_clock": lambda: operations.phase_clock(
        np.arange(8.0), (np.arange(8.0) + 3) % 16, np.full(8, 3.0), kind="metre", period=16
    ),
    "success_by_amount": lambda: operations.success_by_amount(
        np.array([-1, -1, 2, 2]),
        {"operator": np.array([True, True, True, False]), "none": np.zeros(4, bool)},
        kind="pitch",
        unit="semitones",
        chance=0.1,
    ),
    "song_before_and_after": lambda: songs.song_before_and_after(
        Song("one bar", note_array([(0, 4, 60), (4, 4, 62)])),
        SteeredSong(*(note_array([(0, 4, pitch), (4, 4, 62)]) for pitch in (60, 63, 63, 63)), 1, 0),
    ),
    "before_and_after": lambda: rolls.before_and_after(
        *(np.pad(np.ones((1, 2, 1, 8)), [(0, 0), (0, 0), (low, 127 - low), (0, 0)]) for low in (60, 62, 64)),
        ["pitch +2"],
        colours=["#ff0000"],
    ),
}


def test_every_picture_is_in_the_table() -> None:
    found = set()
    for module in pkgutil.iter_modules(pictures.__path__):
        members = vars(importlib.import_module(f"{pictures.__name__}.{module.name}")).items()
        found |= {
            name
            for name, member in members
            if inspect.isfunction(member)
            and member.__annotations__.get("return") == "Figure"
            and not name.startswith("_")
        }
    assert found == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_every_plot_says_what_it_shows(case: str) -> None:
    figure = CASES[case]()
    assert isinstance(figure, Figure)
    svg = to_svg(figure, prefix="a")
    assert svg.startswith("<svg") and svg.endswith("</svg>")
    for plot in figure.axes:
        if plot.get_visible() and (plot.lines or plot.collections or plot.patches) and case != "decoded_gallery":
            assert plot.get_title() or plot.get_xlabel() or plot.get_ylabel(), case


def squares(plot: object) -> int:
    return sum(len(item.get_paths()) for item in plot.collections if isinstance(item, PolyCollection))


def test_shift_gallery_has_an_image_under_every_shift_in_the_colour_of_its_kind() -> None:
    images = np.zeros((2, 3, 4, 4))
    images[0, 1, :2] = 1
    figure = galleries.shift_gallery(images, [-1, 0, 1], ["pitch", "time"], ["rows", "columns"])
    assert [squares(plot) for plot in figure.axes] == [0, 8, 0, 0, 0, 0]
    assert [plot.get_title() for plot in figure.axes[:3]] == ["-1", "anchor", "+1"]
    assert figure.axes[3].get_ylabel() == "time, columns"
    frames = [to_hex(plot.spines["left"].get_edgecolor()) for plot in figure.axes]
    assert frames == [
        KIND_COLOURS["pitch"],
        NEUTRAL,
        KIND_COLOURS["pitch"],
        KIND_COLOURS["time"],
        NEUTRAL,
        KIND_COLOURS["time"],
    ]


def test_cells_stand_where_the_pixels_are() -> None:
    image = np.zeros((4, 5))
    image[3, 1] = 1
    figure = galleries.shift_gallery(image[None, None], [0], ["pitch"], ["rows"])
    corners = figure.axes[0].collections[0].get_paths()[0].vertices
    assert corners.min(axis=0).tolist() == [0.5, 2.5]
    assert corners.max(axis=0).tolist() == [1.5, 3.5]
    assert figure.axes[0].get_ylim() == (-0.5, 3.5)  # higher rows are higher on the page


def test_triplets_tell_kind_amount_and_clipping() -> None:
    plots = [plot for plot in CASES["triplet_gallery"]().axes if plot.get_visible()]
    assert [plot.get_title() for plot in plots] == ["anchor", "pitch +1", "time -2, clipped"] * 2
    assert to_hex(plots[1].spines["top"].get_edgecolor()) == KIND_COLOURS["pitch"]


def test_decoded_pixels_are_as_dark_as_they_are_likely() -> None:
    plots = CASES["decoded_gallery"]().axes
    assert [plot.collections[0].get_alpha()[0] for plot in (plots[0], plots[2])] == [1.0, 0.5]
    assert plots[2].get_ylabel() == "decoded"
    assert plots[1].get_title() == "time -1"


def test_loss_is_drawn_raw_and_smoothed_on_logarithms_and_leaves_out_what_has_none() -> None:
    figure = curves.loss_curve([1, 2, 3, 4], {"loss": [4, 3, 2, 1], "within": [1, 0, NAN, 0.5]}, window=2)
    plot = figure.axes[0]
    assert plot.get_xscale() == plot.get_yscale() == "log"
    assert [line.get_xdata().tolist() for line in plot.lines] == [[1, 2, 3, 4]] * 2 + [[1, 4]] * 2
    assert plot.lines[1].get_ydata().tolist() == [4, 3.5, 2.5, 1.5]
    assert "loss (last 1.5)" in texts(figure)
    assert "training step" in texts(figure)


@pytest.mark.parametrize("width", [1, 3, 50])
def test_moving_mean_is_the_mean_of_what_came_before(width: int) -> None:
    values = RNG.normal(size=20)
    slow = [np.mean(values[max(0, i + 1 - width) : i + 1]) for i in range(20)]
    assert np.allclose(curves.moving_mean(values, width), slow)


def test_training_curve_leaves_out_what_is_no_loss() -> None:
    written = texts(CASES["training_curve"]())
    assert "loss (last 1" in written
    assert "seconds" not in written
    assert "no steps were logged" in texts(curves.training_curve([]))


def test_tradeoff_goes_through_the_means_of_seeds() -> None:
    figure = CASES["tradeoff_curve"]()
    line, written = figure.axes[0].lines[0], texts(figure)
    assert np.allclose(line.get_xdata(), [0.45, 0.15])
    assert np.allclose(line.get_ydata(), [0.85, 0.55])
    assert len(figure.axes[0].collections[0].get_offsets()) == 4
    for words in ("kNN", "cross", "0", "1"):
        assert words in written


def test_noise_strips_show_draws_whole_and_published() -> None:
    figure = CASES["noise_strips"]()
    dots, whole, published = (item.get_offsets() for item in figure.axes[0].collections)
    assert dots[:, 0].tolist() == [1, 2]
    assert whole[0, 0] == 1.5 and published[0, 0] == 1.2
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1.4, 1.6]
    assert "same sign" in texts(figure)
    assert len(curves.noise_strips({}, {}, {}, {}).axes[0].collections) == 0


def tops(plot: Axes) -> list[tuple[str, float, float]]:
    """(label, centre, height) of every bar that is not empty."""
    return [
        (bars[0].get_label(), bar.get_x() + bar.get_width() / 2, bar.get_height())
        for bars in plot.containers
        for bar in bars
        if bar.get_height()
    ]


def test_histograms_stand_at_one_minus_one_and_nought() -> None:
    figure = directions.cosine_histograms(pairs(), dims=3)
    assert [plot.get_title() for plot in figure.axes] == [
        "all pairs (n = 180)",
        "unclipped pairs (n = 120)",
        "clipped pairs (n = 60)",
    ]
    _, whole, clipped = ({(kind, round(x, 2)): height for kind, x, height in tops(plot)} for plot in figure.axes)
    same, opposite, cross = "pitch, same sign (want +1)", "pitch, opposite (want −1)", "two kinds (want 0)"
    # bins are .04 wide and the last one holds its upper edge
    assert whole == pytest.approx({(cross, 0.02): 100, (same, 0.98): 100, (opposite, -0.98): 100})
    at_both_ends = {(cross, 0.98): 200 / 3, (cross, -0.98): 100 / 3}
    assert clipped == pytest.approx(at_both_ends | {(same, 0.98): 100, (opposite, -0.98): 100})
    written = texts(figure)
    for words in (same, opposite, cross, "chance", "share of pairs, %"):
        assert words in written
    assert "time" not in written.replace("time,", "time")  # one view of time makes no pair of its own


def test_histograms_of_circles_and_of_no_clipped_pair() -> None:
    z, kind, amount = np.zeros((5, 2)), np.zeros((5, 2), dtype=int), np.tile([1.0, 5.0], (5, 1))
    views = RNG.normal(size=(5, 2, 2))
    found = cosines(z, views, kind, amount, kinds=[Circle("metre", 16)], clipped=np.zeros((5, 2), bool))
    figure = directions.cosine_histograms(found, dims=2)
    assert "metre (chord law)" in texts(figure)
    assert figure.axes[2].get_title() == "clipped pairs (n = 0)"


def test_difference_plane_shows_two_arms() -> None:
    figure = CASES["difference_plane"]()
    dots = [item for item in figure.axes[0].collections if isinstance(item, PathCollection)]
    assert [len(item.get_offsets()) for item in dots] == [20, 20]
    spread = [np.ptp(item.get_offsets(), axis=0) for item in dots]
    assert (spread[0].argmax(), spread[1].argmax()) in ((0, 1), (1, 0))
    share = sum(
        float(label.split("(")[1].split(" %")[0])
        for label in (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel())
    )
    assert share == pytest.approx(100, abs=0.2)
    assert "pitch + | pitch − | time + | time −" in texts(figure)


def test_constant_differences_are_told_and_not_drawn() -> None:
    figure = directions.difference_plane(np.zeros((4, 3)), np.zeros(4, int), np.ones(4), kinds=["pitch"])
    assert "the differences do not vary" in texts(figure)


def test_asymmetry_draws_the_angle_it_is_told() -> None:
    figure = CASES["asymmetry"]()
    assert "pitch: 90.0° between mean + and mean − (want 180°)" in texts(figure)
    tips = [text.xy for text in figure.axes[0].texts if hasattr(text, "xy")]
    assert np.allclose(tips, [[1, 0], [0, 1]], atol=1e-9)
    nothing = directions.asymmetry({"pitch": (np.zeros(2), np.ones(2))}, {"pitch": NAN})
    assert "no mean + or no mean −" in texts(nothing)
    assert directions.asymmetry({}, {}).axes


def test_grid_spectra_say_the_first_value_and_leave_out_dead_grids() -> None:
    figure = CASES["grid_spectra_curves"]()
    assert [plot.get_title() for plot in figure.axes] == [
        "pitch × (time × latent): first value 0.60",
        "time × (pitch × latent): first value 0.90",
    ]
    assert [len(plot.lines) for plot in figure.axes] == [4, 3]  # images, mean, flat
    dead = spectra.grid_spectra_curves({"pitch": np.full((2, 3), NAN)})
    assert "the latent does not change" in texts(dead)
    both = spectra.grid_spectra_curves({"pitch": np.ones((1, 2)) / 2}, {"pitch": np.array([[0.8, 0.2], [0.6, 0.4]])})
    dashed = next(line for line in both.axes[0].lines if line.get_label() == "untrained encoder")
    assert np.allclose(dashed.get_ydata(), [0.7, 0.3])


def test_a_spectrum_stops_where_it_is_nought() -> None:
    assert CASES["variance_spectrum"]().axes[0].lines[0].get_xdata().tolist() == [1, 2]


def test_kernel_pca_has_four_panels_in_two_colourings() -> None:
    figure = CASES["kernel_pca_panels"]()
    panels = [plot for plot in figure.axes if plot.get_title()]
    assert [plot.get_title() for plot in panels] == ["coloured by pitch shift", "coloured by time shift"] * 2
    assert [plot.get_xlabel() for plot in panels] == ["kernel component 1"] * 2 + ["kernel component 3"] * 2
    assert "pitch shift, rows" in texts(figure) and "time shift, columns" in texts(figure)
    assert panels[0].collections[0].get_array().tolist() == (np.arange(30) - 15).tolist()
    first, later = (panels[index].collections[0].get_offsets() for index in (0, 2))
    assert not np.allclose(first, later)  # components 1-2 above, 3-4 below


def test_kernel_pca_of_one_point_says_so() -> None:
    assert "the latents do not vary" in texts(maps.kernel_pca_panels(np.ones((30, 3)), np.zeros(30), np.zeros(30)))


def test_kernel_components_do_not_depend_on_the_scale_of_the_latent() -> None:
    points = RNG.normal(size=(40, 3))
    one, other = (np.abs(maps.kernel_components(factor * points, 2)) for factor in (1, 100))
    assert np.allclose(one, other, atol=1e-6)
    assert maps.median_gamma(np.zeros((5, 2))) == 1
    assert maps.kernel_components(np.array([[0.0], [0.0], [1.0]]), 4).shape == (3, 4)


def test_umap_panels_are_coloured_by_both_shifts() -> None:
    figure = CASES["umap_panels"]()
    assert [plot.get_title() for plot in figure.axes if plot.get_title()] == [
        "coloured by pitch shift",
        "coloured by time shift",
    ]


def test_an_exact_ladder_lies_on_the_diagonal() -> None:
    figure = CASES["shift_sweep"]()
    dots = figure.axes[0].collections[0].get_offsets()
    assert np.allclose(dots[:, 0], dots[:, 1])
    median = next(line for line in figure.axes[1].lines if line.get_label() == "median")
    assert (median.get_xdata().tolist(), median.get_ydata().tolist()) == ([2], [2])
    for words in ("predicted, semitones", "encoded, semitones", "shift, semitones", "n = 9"):
        assert words in texts(figure)
    assert "no shifts of pitch" in texts(operations.shift_sweep(*(np.empty(0),) * 3, kind="pitch", unit="semitones"))


def test_an_exact_clock_has_no_phase_error() -> None:
    figure = CASES["phase_clock"]()
    assert "mean cos 1.00" in texts(figure)
    dots = figure.axes[0].collections[0].get_offsets()
    assert np.allclose(dots[:, 0], dots[:, 1])
    late = operations.phase_clock(np.zeros(4), np.full(4, 8.0), np.zeros(4), kind="metre", period=16)
    assert "mean cos -1.00" in texts(late)
    assert "no shifts of metre" in texts(operations.phase_clock(*(np.empty(0),) * 3, kind="metre", period=16))


def test_success_is_a_share_at_each_amount() -> None:
    figure = CASES["success_by_amount"]()
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert lines["operator"].get_xdata().tolist() == [-1, 2]
    assert lines["operator"].get_ydata().tolist() == [100, 50]
    assert lines["none"].get_ydata().tolist() == [0, 0]
    assert to_hex(lines["operator"].get_color()) == KIND_COLOURS["pitch"]
    assert "chance 10 %" in texts(figure)


def test_rolls_before_wanted_and_decoded_with_what_is_missing_framed() -> None:
    figure = CASES["before_and_after"]()
    before, wanted, decoded = figure.axes
    assert [squares(plot) for plot in figure.axes] == [16, 16, 16]
    assert len(decoded.patches) == 8  # a frame for every sounding cell of the true edit, an interval away
    assert len(before.patches) == len(wanted.patches) == 0
    assert wanted.get_title() == "pitch +2: true edit"
    assert before.get_ylabel() == "MIDI pitch" and before.get_xlabel() == "step"
    assert before.get_ylim() == decoded.get_ylim() == (57.5, 66.5)
    assert "no examples" in texts(rolls.before_and_after(*(np.zeros((0, 2, 128, 4)),) * 3, [], colours=[]))


def test_silence_shows_the_middle_octaves() -> None:
    assert rolls.pitch_range([np.zeros((2, 128, 4))]) == (54, 78)
    assert INK not in to_svg(
        rolls.before_and_after(*(np.zeros((1, 2, 128, 4)),) * 3, ["x"], colours=["#123456"]), prefix="a"
    )
