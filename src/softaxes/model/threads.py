"""How many threads does torch use for this work? As many as pay, and the caller's number again afterwards."""

from __future__ import annotations

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
