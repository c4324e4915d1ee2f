"""What happens when ctrl-C or SIGTERM arrives? The step is finished and the run saved; a second one stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupted(Exception):
    """Ctrl-C or SIGTERM arrived; the run was saved and can go on."""


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that ctrl-C and SIGTERM set; a second one stops at once."""
    stop, old = threading.Event(), {}

    def note(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    in_main = threading.current_thread() is threading.main_thread()
    for number in (signal.SIGINT, signal.SIGTERM) if in_main else ():
        old[number] = signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
