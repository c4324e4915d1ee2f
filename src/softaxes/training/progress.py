"""How far is long work? One bar on standard error, with the time that is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Says that so much more is done, and what to show beside the bar."""

    def __call__(self, more: int = 1, beside: str = "", total: int | None = None) -> None:
        """``more`` units are done; ``total`` replaces the number of units."""
        ...


@contextmanager
def progress_bar(name: str, total: int, *, start: int = 0, show: bool = True) -> Iterator[Advance]:
    """A bar over ``total`` units, ``start`` of them done; the body calls what it gives. Nothing unless ``show``."""
    if not show:
        yield lambda more=1, beside="", total=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("left"))
    beside_it = TextColumn("{task.description}", markup=False)  # file names may hold brackets
    with Progress(*columns, beside_it, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=total, completed=start)

        def advance(more: int = 1, beside: str = "", total: int | None = None) -> None:
            progress.update(bar, advance=more, description=beside, total=total)

        yield advance
