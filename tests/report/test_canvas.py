"""Figures come out as PNG on paper and as SVG that takes the page's colours."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from softaxes.report.pictures.canvas import (
    FAINT,
    INK,
    amount_colours,
    blank,
    legend,
    name,
    say_nothing,
    some,
    to_png,
    to_svg,
)


def test_blank_figures_have_plots_in_rows_and_columns_on_clear_ground() -> None:
    figure, plots = blank(2, 3, width=6, height=4)
    assert plots.shape == (2, 3)
    assert figure.get_size_inches().tolist() == [6, 4]
    assert figure.patch.get_alpha() == 0
    assert not plots[0, 0].spines["top"].get_visible()


def test_nothing_of_pyplot_is_touched() -> None:
    import matplotlib.pyplot as plt

    before = dict(matplotlib.rcParams)
    figure, _ = blank()
    to_svg(figure, prefix="a")
    to_png(figure)
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


def test_svg_keeps_text_renames_what_it_names_and_has_no_fixed_ink() -> None:
    figure, plots = blank()
    plots[0, 0].hist([1, 2, 2], hatch="//")
    name(plots[0, 0], "a title", "x label", "y label")
    svg = to_svg(figure, prefix="zz-")
    for words in ("a title", "x label", "y label"):
        assert f">{words}<" in svg
    assert svg.count("id=") == svg.count('id="zz-')
    assert svg.count('href="#') == svg.count('href="#zz-')
    assert svg.count("url(#") == svg.count("url(#zz-") > 0
    assert INK not in svg and "currentColor" in svg
    assert "http" not in svg and "<metadata" not in svg
    assert "max-width:960px" in svg


def test_minor_ticks_have_the_ink_of_the_page_too() -> None:
    figure, plots = blank()
    plots[0, 0].loglog([1, 3], [2, 4])
    svg = to_svg(figure, prefix="a")
    assert "#000000" not in svg


def test_png_is_a_png_and_leaves_the_figure_clear() -> None:
    figure, _ = blank()
    assert to_png(figure).startswith(b"\x89PNG")
    assert figure.patch.get_alpha() == 0


def test_colours_of_amounts_go_from_the_complement_over_grey_to_the_kind() -> None:
    colours = amount_colours("#3f83d8")
    assert np.allclose(colours(1.0)[:3], [0x3F / 255, 0x83 / 255, 0xD8 / 255], atol=0.01)
    assert np.ptp(colours(0.5)[:3]) < 0.05
    assert np.abs(np.array(colours(0.0)) - np.array(colours(1.0))).max() > 0.3


@pytest.mark.parametrize(("rows", "most", "kept"), [(3, 5, 3), (5, 5, 5), (100, 5, 5), (0, 5, 0)])
def test_some_rows_are_spread_over_all(rows: int, most: int, kept: int) -> None:
    found = some(rows, most)
    assert len(found) == kept
    if kept:
        assert found[0] == 0 and found[-1] == rows - 1
        assert (np.diff(found) > 0).all()


def test_a_legend_only_where_something_has_a_name() -> None:
    _, plots = blank(1, 2)
    plots[0, 0].plot([1, 2])
    plots[0, 1].plot([1, 2], label="named")
    for plot in plots.flat:
        legend(plot)
    assert plots[0, 0].get_legend() is None
    assert [text.get_text() for text in plots[0, 1].get_legend().get_texts()] == ["named"]


def test_a_plot_without_data_says_why() -> None:
    _, plots = blank()
    say_nothing(plots[0, 0], "no data")
    assert [text.get_text() for text in plots[0, 0].texts] == ["no data"]
    assert plots[0, 0].texts[0].get_color() == FAINT
