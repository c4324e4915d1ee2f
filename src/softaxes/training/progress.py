"""How far is long work? One bar on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(name: str, steps: int, start: int, *, show: bool) -> Iterator[Any]:
    """A bar on standard error with the loss and the time left; the body calls ``advance(step, loss)``."""
    if not show:
        yield lambda step, loss: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as progress:
        bar = progress.add_task(name, total=steps, completed=start, loss=float("nan"))
        yield lambda step, loss: progress.update(bar, completed=step, loss=loss)
