"""``softaxes report RUN``: a run on music, judged on its held-out songs, on one page."""

from __future__ import annotations

from pathlib import Path

from softaxes.report.music import music_report


def report_music(run: Path, /, *, windows: int = 1000, seed: int = 0, controls: bool = True) -> Path:
    """Write RUN/report.html and RUN/metrics.json of a run on music.

    Args:
        run: folder of a finished run.
        windows: most windows of held-out songs to judge on.
        seed: of the windows and shifts that are drawn.
        controls: judge an untrained encoder as well.
    """
    return music_report(run, windows=windows, seed=seed, controls=controls)
