"""On which device does a model run? The one that is asked for by name, if this machine has it."""

from __future__ import annotations

from typing import Literal, get_args

import torch

Device = Literal["auto", "cpu", "cuda", "mps"]


def device_named(name: Device) -> torch.device:
    """The device; "auto" is a GPU if there is one. ValueError for another name, or a device that is not there."""
    if name not in get_args(Device):
        raise ValueError(f"`device` must be one of {', '.join(get_args(Device))}, got {name!r}")
    there = [one for one, has in (("cuda", torch.cuda), ("mps", torch.backends.mps)) if has.is_available()]
    if name == "auto":
        return torch.device(there[0] if there else "cpu")
    if name not in ("cpu", *there):
        raise ValueError(
            f"there is no {name} device here: `device` must be one of {', '.join(['auto', 'cpu', *there])}"
        )
    return torch.device(name)
