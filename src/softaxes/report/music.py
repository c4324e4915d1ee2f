"""What is said of a run on music? It is judged on its held-out songs, on one page."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from softaxes import __version__, load
from softaxes.diagnostics import Report
from softaxes.diagnostics.cosines import cosines
from softaxes.report import redraw
from softaxes.report.music_page import UNITS, music_page
from softaxes.report.music_probes import probe_section, run_probes
from softaxes.report.music_suite import MusicFindings, chance_of, music_suite, success_at_amounts
from softaxes.report.page import write_page
from softaxes.training.tasks.music.data import load_music, read_split, run_config
from softaxes.training.tracking import read_metrics

PITCH_SEMITONES = 12  # judged, where no view of training is transposed
DRAWN = 3  # times the windows that are judged: repeats are left out, and the gallery is larger


def music_report(run: Path, /, *, windows: int = 1000, seed: int = 0, controls: bool = True) -> Path:
    """Write RUN/report.html and RUN/metrics.json; returns the page. `softaxes.commands.report` says more.

    Raises:
        ValueError: no finished run on music there, or its corpus cannot be read any more.
    """
    run = Path(run)
    model, config = load(run), run_config(run)
    data, kept = load_music(config, run), read_split(run)
    for line in data.corpus.remarks():
        print(line, file=sys.stderr)
    if kept and kept["digest"] != data.corpus.manifest.digest():
        there, of = len(data.sides.test), len(kept["split"]["test"])
        said = f"the music has changed since this run was trained: judged on {there} of its {of} held-out songs"
        print(said, file=sys.stderr)
    drawn = np.random.default_rng(seed).permutation(len(data.test))[: DRAWN * windows]
    test = data.test.select(np.sort(drawn))
    found = music_suite(
        model,
        test.rolls(),
        data.corpus.groups[test.song],
        pitch_semitones=config.pitch_semitones or PITCH_SEMITONES,
        shift_steps=config.shift_steps,
        windows=windows,
        seed=seed,
        controls=controls,
    )
    about = f"{data.corpus.name}: {len(data.sides.test)} held-out songs, {len(data.test):,} windows"
    page = music_page(found, history=read_metrics(run), about=about)
    probes = run_probes(model, data, config, windows=windows, seed=seed)
    page = replace(page, sections=[*page.sections[:-1], probe_section(probes, model.axes_dim), page.sections[-1]])
    settings = {"windows": len(found.held_out.rolls), "seed": seed, "corpus": data.corpus.name}
    figures = {name: Report(list(figures.values())).to_dict() for name, figures in probes.items()}
    return write_page(run, page, music_metrics(found, settings) | {"probes": figures})


def music_metrics(found: MusicFindings, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Every number of the page."""
    return {
        "softaxes": __version__,
        "about": "music",
        "settings": {**settings, "songs": len(np.unique(found.held_out.group))},
        "figures": {name: suite.to_dict() for name, suite in found.suites.items()},
        "controls": {
            name: {part: suite.to_dict() for part, suite in suites.items()} for name, suites in found.controls.items()
        },
        "reconstruction": found.reconstruction.to_dict(),
        "edits": {
            kind: {method: suite.to_dict() for method, suite in suites.items()}
            for kind, suites in found.edit_suites.items()
        },
        "redraw": music_redraw(found),
    }


def music_redraw(found: MusicFindings) -> dict[str, Any]:
    """The counts and curves behind the pictures, see `softaxes.report.redraw`."""
    running, shift_sweeps = found.latents.running, found.latents.shift_sweeps
    success = []
    for index, kind in enumerate(shift_sweeps.kinds):
        if (shift_sweeps.kind == index).any():
            at = success_at_amounts(shift_sweeps, found.model.axes, index)
            unit, chance = UNITS.get(kind.name, "steps"), chance_of(at.candidates)
            success.append(
                redraw.success_row(kind.name, unit, at.amount, at.right, chance=chance, candidates=at.candidates)
            )
    moves = redraw.moves(running, found.model.axes, UNITS)
    drawn = redraw.cosine_bins(cosines(running), dims=running.anchor.shape[1])
    return {"cosines": drawn, "moves": moves, "success": success}
