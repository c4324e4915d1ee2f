"""How many threads does torch use for this work? As many as pay, and the caller's number again afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Run the block with ``number`` CPU threads, 0 for torch's own choice.

    Small batches pay with one: on a busy machine two threads wait for each other and take five to ten times as long.
    """
    before = torch.get_num_threads()
    try:
        if number:
            torch.set_num_threads(number)
        yield
    finally:
        torch.set_num_threads(before)


def free_threads(processes: int = 1) -> int:
    """Threads that pay for each of ``processes``: torch's own number, less the cores that others keep busy; at least 1.

    A training step takes 1.7 times as long on one idle core as on two, but five to ten times as long on two busy ones.
    """
    own = torch.get_num_threads()
    if not hasattr(os, "getloadavg"):
        return max(1, own // processes)
    idle = (os.cpu_count() or 1) - round(os.getloadavg()[0])
    return max(1, min(own, idle) // processes)
