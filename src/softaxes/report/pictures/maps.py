"""What does the whole latent look like, flattened? Kernel PCA and UMAP of images on a grid of shifts.

As in the article, each map is coloured by the pitch shift and by the time shift of the grid. There the kernel's width
was 1 in latent units; here it is the median distance, so that the picture does not depend on the latent's scale.
"""

from __future__ import annotations

import warnings

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import KernelPCA

from softaxes.data.optional import has
from softaxes.report.page import kind_colour
from softaxes.report.pictures.canvas import INK, Array, amount_colours, blank, name, say_nothing, some

LANDMARKS = 2000  # most points whose kernel is held
NO_UMAP = "UMAP is left out: `pip install softaxes[umap]` installs what it needs (umap-learn and plotly)."
_UNITS = {"pitch": "pitch shift, rows", "time": "time shift, columns"}


def median_gamma(points: Array, *, seed: int = 0) -> float:
    """1 / median squared distance of random pairs of ``points`` (N, D); 1 if they are all one point."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(len(points), size=(2, 4000))
    squared = np.square(points[first] - points[second]).sum(axis=1)
    median = float(np.median(squared[first != second])) if (first != second).any() else 0.0
    return 1 / median if median > 0 else 1.0


def kernel_components(points: Array, components: int = 4) -> Array:
    """Coordinates (N, components) of RBF kernel PCA; zeros where the points do not vary enough."""
    solver = "arpack" if len(points) > 200 else "dense"
    reducer = KernelPCA(components, kernel="rbf", gamma=median_gamma(points), eigen_solver=solver, random_state=0)
    found = reducer.fit_transform(points)
    return np.pad(found, ((0, 0), (0, components - found.shape[1])))


def kernel_pca_panels(points: Array, pitch: Array, time: Array) -> Figure:
    """Four panels: components 1-2 and 3-4 (rows), coloured by pitch shift and by time shift (columns).

    Args:
        points: (N, D) latents; at most ``LANDMARKS`` of them are used.
        pitch, time: (N,) signed shifts.
    """
    kept = some(len(points), LANDMARKS)
    points, pitch, time = points[kept], pitch[kept], time[kept]
    figure, plots = blank(2, 2, width=9, height=7.4)
    if len(points) < 5 or not np.ptp(points, axis=0).any():
        for plot in plots.flat:
            say_nothing(plot, "the latents do not vary")
        return figure
    found = kernel_components(points)
    for row, first in enumerate((0, 2)):
        for column, (kind, amount) in enumerate((("pitch", pitch), ("time", time))):
            plot = plots[row, column]
            _scatter(figure, plot, found[:, first : first + 2], amount, kind)
            name(plot, f"coloured by {kind} shift", f"kernel component {first + 1}", f"kernel component {first + 2}")
    return figure


def umap_panels(embedded: Array, pitch: Array, time: Array) -> Figure:
    """A 2-D embedding (N, 2) coloured by pitch shift and by time shift, two panels."""
    figure, plots = blank(1, 2, width=10, height=4.6)
    for plot, kind, amount in zip(plots[0], ("pitch", "time"), (pitch, time), strict=True):
        _scatter(figure, plot, embedded, amount, kind)
        name(plot, f"coloured by {kind} shift", "UMAP 1 (no unit)", "UMAP 2 (no unit)")
    return figure


def _scatter(figure: Figure, plot: Axes, xy: Array, amount: Array, kind: str) -> None:
    colours = amount_colours(kind_colour(kind))
    most = max(float(np.abs(amount).max()), 1.0)
    x, y = xy.T
    dots = plot.scatter(
        x, y, c=amount, cmap=colours, vmin=-most, vmax=most, s=5, alpha=0.6, linewidth=0, rasterized=True
    )
    bar = figure.colorbar(dots, ax=plot, shrink=0.85, pad=0.02)
    bar.set_label(_UNITS.get(kind, f"{kind} shift"), color=INK, fontsize=8.5)
    bar.ax.tick_params(colors=INK, labelsize=8)
    bar.outline.set_visible(False)
    if bar.solids is not None:
        bar.solids.set_alpha(1)


def has_umap() -> bool:
    """Whether the extra ``umap`` is installed; imports nothing."""
    return has("umap") and has("plotly")


def umap_embedding(points: Array, dims: int, *, seed: int = 42) -> Array:
    """UMAP coordinates (N, dims) with the article's settings: 15 neighbours, least distance 0.1, a fixed seed.

    The first call in a process imports umap-learn, which compiles for about 40 s.

    Raises:
        ValueError: the extra is not installed.
    """
    if not has_umap():
        raise ValueError(NO_UMAP)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # umap warns of its own seed, and numba of its own future
        import umap

        neighbours = min(15, len(points) - 1)
        reducer = umap.UMAP(n_components=dims, n_neighbors=neighbours, min_dist=0.1, random_state=seed, n_jobs=1)
        return np.asarray(reducer.fit_transform(points))


def umap_3d_html(embedded: Array, pitch: Array, time: Array, *, script: bool = True) -> str:
    """A 3-D embedding (N, 3) to turn with the mouse, with buttons that colour it by pitch or by time shift.

    ``script``: include plotly's own script (4 MB); once on a page is enough.

    Raises:
        ValueError: the extra is not installed.
    """
    if not has_umap():
        raise ValueError(NO_UMAP)
    import plotly.graph_objects as go
    import plotly.io

    def scale(kind: str) -> list[list[object]]:
        colours = amount_colours(kind_colour(kind))
        stops = [tuple(int(255 * part) for part in colours(at)[:3]) for at in (0.0, 0.5, 1.0)]
        return [[at, f"rgb{stop}"] for at, stop in zip((0.0, 0.5, 1.0), stops, strict=True)]

    labels = [f"pitch {p:+g}, time {t:+g}" for p, t in zip(pitch, time, strict=True)]
    clouds = []
    for kind, amount in (("pitch", pitch), ("time", time)):
        bar = {"title": {"text": _UNITS[kind]}}
        marker = {"size": 2, "color": amount, "colorscale": scale(kind), "opacity": 0.6, "colorbar": bar}
        x, y, z = np.round(embedded.astype(float), 3).T
        clouds.append(go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, text=labels, hoverinfo="text",
                                   visible=kind == "pitch"))  # fmt: skip
    buttons = [
        {"label": f"colour by {kind}", "method": "update", "args": [{"visible": [kind == "pitch", kind == "time"]}]}
        for kind in ("pitch", "time")
    ]
    figure = go.Figure(clouds)
    axis = {"title": "", "showticklabels": False, "gridcolor": "#8b9099"}
    figure.update_layout(
        height=560, margin={"l": 0, "r": 0, "t": 40, "b": 0}, paper_bgcolor="rgba(0,0,0,0)",
        font={"color": "#8b9099"}, scene={"xaxis": axis, "yaxis": axis, "zaxis": axis},
        updatemenus=[{"type": "buttons", "direction": "right", "x": 0, "y": 1.08, "buttons": buttons}],
    )  # fmt: skip
    return str(
        plotly.io.to_html(figure, include_plotlyjs=script, full_html=False, include_mathjax=False, div_id="umap3d")
    )
