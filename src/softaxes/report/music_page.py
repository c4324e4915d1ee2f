"""How is a run on music told? The page, from findings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from softaxes.diagnostics import Report, spectrum
from softaxes.diagnostics.cosines import cosines
from softaxes.diagnostics.held_out import coordinates, held_out_axes
from softaxes.diagnostics.labelled import Labelled
from softaxes.geometry.kinds import Rotation
from softaxes.report.music_suite import MusicFindings, chance_of, success_at_amounts
from softaxes.report.music_views import PITCH
from softaxes.report.page import Block, Page, Picture, Section, Table, kind_colour
from softaxes.report.pictures import curves, directions, operations, rolls, spectra
from softaxes.report.tables import comparison_table, figure_table, number

EXAMPLES = 4
AXES = (
    "cross_cos",
    "same_cos",
    "opposite_cos",
    "circle_error",
    "cycle_error",
    "law_error",
    "opening_angle",
    "axis_agreement",
    "between_images",
    "dead",
)
LAWS = ("additivity", "size_r2", "size_exponent", "coordinate_r2", "coordinate_skill", "shift_r2", "phase_cos",
        "relative_error", "skill")  # fmt: skip
FINDING = (
    "hit_at_1",
    "hit_at_5",
    "mrr",
    "hit_at_1_no_operator",
    "hit_at_1_random_direction",
    "hit_at_1_with_query",
    "hit_at_1_with_unmoved",
    "own_shift",
)
CONTENT = ("effective_rank", "content_rank", "content_recall", "difference_pca2", "subspace_overlap")
HEADLINES = ("same_cos.pitch", "same_cos", "opposite_cos.pitch", "opposite_cos", "cross_cos", "axis_agreement.pitch",
             "coordinate_r2.pitch", "coordinate_skill.pitch", "shift_r2.pitch", "hit_at_1.pitch", "mrr.pitch",
             "own_shift.pitch",
             "hit_at_1.metre", "hit_at_1_with_unmoved.metre", "own_shift.metre", "law_error.metre", "phase_cos.metre",
             "phase_cos.chroma", "effective_rank", "content_rank",
             "content_recall")  # fmt: skip
UNITS = {PITCH: "semitones", "chroma": "semitones"}


def music_page(found: MusicFindings, *, history: list[dict[str, Any]], about: str) -> Page:
    """The page of a run on music; ``about`` says what it was judged on."""
    title = "Soft factorization of music"
    return Page(
        title, music_summary(found, about), opening_blocks(found), music_sections(found, history=history), "music"
    )


def music_sections(found: MusicFindings, *, history: list[dict[str, Any]]) -> list[Section]:
    """All sections of the page."""
    running = found.suites["running"]
    return [
        Section("How it learned", [Picture(curves.training_curve(history), curves.TRAINING)]),
        Section("Differences of one window", _direction_blocks(found)),
        Section("Where a shift leads", _operation_blocks(found)),
        Section("Finding the shifted window", _finding_blocks(found)),
        Section("What is left of the music", _content_blocks(found)),
        Section("Notes, decoded", _note_blocks(found)),
        Section("Every figure", [figure_table(running, caption="All figures, running music", folded=True)]),
    ]


def music_summary(found: MusicFindings, about: str) -> str:
    """What the run shows, in two sentences."""
    suite, joint, n = found.suites["running"], found.suites["joint"], len(found.held_out.rolls)
    same, opposite = (suite.get(f"{name}.{PITCH}", suite.get(name)) for name in ("same_cos", "opposite_cos"))
    alone = all(kind.family != PITCH or kind.name == PITCH for kind in found.model.axes.kinds)
    line = "transpositions of one window point along a line (cosines {} for equal and opposite signs), and "
    cosines = line.format(" and ".join(number(f.value) for f in (same, opposite) if f)) if alone else ""
    skill = suite.get(f"coordinate_skill.{PITCH}")
    share_left = 1 - skill.value if skill else math.nan
    amount = "less than 0.01" if share_left < 1e-4 else f"{100 * share_left:.2g}"
    left = f"leaves {amount} % of the squared error of no change" if skill else "was not judged"
    hits = next((f for f in joint.values() if f.name == "hit_at_1"), suite.get(f"hit_at_1.{PITCH}"))
    share = f"{100 * hits.value:.0f} % (blind guess {100 * hits.chance:.2g} %)" if hits else "–"
    return (
        f"Judged on {about} ({n:,} different ones are used): {cosines}moving z along the pitch axis by semitones "
        f"{left}. Among {hits.n if hits else n:,} windows moved by {hits.kind if hits else PITCH}, the one that the "
        f"operator points to is the right one in {share} of all cases."
    )


def opening_blocks(found: MusicFindings) -> list[Block]:
    """The figures that matter most, with the controls beside them."""
    suites = {"here": found.suites["running"], **{name: suites["running"] for name, suites in found.controls.items()}}
    return [comparison_table(suites, HEADLINES)]


def _direction_blocks(found: MusicFindings) -> list[Block]:
    batch = found.latents.running
    item, view = np.nonzero(batch.shifted)
    labels = batch.kind[item, view], batch.amount[item, view]
    names = [kind.name for kind in batch.kinds]
    asymmetry = directions.asymmetry(*directions.mean_halves(batch))
    histograms = directions.cosine_histograms(cosines(batch), dims=batch.anchor.shape[1])
    plane = directions.difference_plane(batch.difference[item, view], *labels, kinds=names)
    return [
        Picture(histograms, "Cosines between differences of one window. What turns may have any cosine: its law is "
                            "judged in the tables. Where chroma follows pitch, it turns a part of each difference."),
        Picture(plane, "All differences on their first two principal components."),
        Picture(asymmetry, "Mean difference of positive and of negative shifts of a line."),
        figure_table(found.suites["running"], AXES),
    ]  # fmt: skip


def _operation_blocks(found: MusicFindings) -> list[Block]:
    blocks: list[Block] = [
        _coordinate_picture(found, found.latents.running, kind.name) for kind in found.latents.running.kinds
    ]
    return [*blocks, figure_table(found.suites["running"], LAWS)]


def _coordinate_picture(found: MusicFindings, batch: Labelled, name: str) -> Picture:
    index = [kind.name for kind in batch.kinds].index(name)
    kind = batch.kinds[index]
    before, after, amount, _ = coordinates(batch, held_out_axes(batch, found.model.axes), index)
    unit = UNITS.get(name, "steps")
    if isinstance(kind, Rotation):
        turn, what = kind.coordinate_period, type(kind).__name__.lower()
        clock = operations.phase_clock(before, after, amount, kind=name, period=turn, unit=unit)
        return Picture(clock, f"The {name} {what}, fitted on training songs: {turn:g} {unit} to a turn.")
    shift_sweep = operations.shift_sweep(before, after, amount, kind=name, unit=unit)
    return Picture(shift_sweep, f"The {name} axis, fitted on training songs, judged on held-out ones.")


def _finding_blocks(found: MusicFindings) -> list[Block]:
    shift_sweeps, blocks = found.latents.shift_sweeps, list[Block]()
    for index, kind in enumerate(shift_sweeps.kinds):
        if not (shift_sweeps.kind == index).any():
            continue
        success = success_at_amounts(shift_sweeps, found.model.axes, index)
        unit = UNITS.get(kind.name, "steps")
        chance = chance_of(success.candidates)
        figure = operations.success_by_amount(success.amount, success.right, kind=kind.name, unit=unit, chance=chance)
        caption = (
            f"Is the nearest of {success.candidates} windows, all shifted by the same amount, the right one? The "
            f"prediction is z moved along {kind.name}."
        )
        blocks.append(Picture(figure, caption))
    blocks.append(figure_table(found.suites["running"], FINDING))
    if found.suites.get("joint"):
        blocks.append(figure_table(found.suites["joint"], caption="Pitch and metre at once."))
    if found.suites.get("extrapolation"):
        blocks.append(figure_table(found.suites["extrapolation"], caption="Further than training ever went."))
    return blocks


def _content_blocks(found: MusicFindings) -> list[Block]:
    latents = found.latents.running.anchor
    content = found.model.axes.remove(torch.from_numpy(latents)).numpy()
    lines = {"latents": latents, "with the axes removed": content}
    shares = {text: spectrum.shares_of_spectrum(spectrum.variances_of(rows)[None])[0] for text, rows in lines.items()}
    caption = "Variance in each principal direction of the latents. A line that falls at once: little besides the axes."
    return [Picture(spectra.variance_spectrum(shares), caption), figure_table(found.suites["running"], CONTENT)]


def _note_blocks(found: MusicFindings) -> list[Block]:
    if not found.edits:
        return ["This model has no decoder."]
    kinds = list(found.edits)
    chosen = [(kinds[number % len(kinds)], number) for number in range(min(EXAMPLES, len(found.held_out.rolls)))]
    pick = [(found.edits[kind], row * max(1, len(found.edits[kind].before) // EXAMPLES)) for kind, row in chosen]
    before, true_edit = (
        np.stack([getattr(edited, part)[row] for edited, row in pick]) for part in ("before", "true_edit")
    )
    decoded = np.stack([edited.decoded["steered"][row] for edited, row in pick])
    titles = [f"{edited.kind} {edited.amount[row]:+d}" for edited, row in pick]
    figure = rolls.before_and_after(before, true_edit, decoded, titles, colours=[kind_colour(e.kind) for e, _ in pick])
    return [
        Picture(figure, "Held-out windows, drawn evenly, not chosen. Dark: onsets, pale: sounding; framed: cells "
                        "of the true edit that the decoder lacks."),
        figure_table(found.reconstruction, caption="Windows decoded from their own latents."),
        _edit_table(found),
    ]  # fmt: skip


def _edit_table(found: MusicFindings) -> Table:
    caption = (
        "Decoded after steering, against the true edit; beside it the ceiling (the true edit, encoded and decoded)."
    )
    methods = dict.fromkeys(method for suites in found.edit_suites.values() for method in suites)
    columns: Mapping[str, Report] = {
        method: Report([figure for suites in found.edit_suites.values() for figure in suites[method].values()])
        for method in methods
    }
    first = next(iter(columns.values()))
    table = comparison_table(columns, list(first), caption=caption)
    ratios = [_ratio(columns, key) for key in first]
    header = [*table.header[:-3], "steered / ceiling", *table.header[-3:]]
    rows = [[*row[:-3], ratio, *row[-3:]] for row, ratio in zip(table.rows, ratios, strict=True)]
    return Table(header, rows, caption, table.kinds)


def _ratio(columns: Mapping[str, Report], key: str) -> str:
    """Of the figures whose best is 1; a dash for the others and without a ceiling."""
    steered, ceiling = columns["steered"][key], columns["ceiling"][key]
    if steered.about.best != 1 or not ceiling.value > 0:
        return number(math.nan)
    return number(steered.value / ceiling.value)
