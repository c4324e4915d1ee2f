"""How does a run go to disk in the middle, and come back? Weights, optimizer and step in ``state.safetensors``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from softaxes.model.checkpoint import STATE_FILE, read_tensors, write_tensors


class Progress(NamedTuple):
    """Steps done, seconds spent on them, and the CPU threads that took them: other numbers round otherwise."""

    step: int = 0
    seconds: float = 0.0
    threads: int = 0


def write_state(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> str:
    """Write the state of a run; instead the name of a tensor in it that is not finite, if there is one."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"optimizer.{name}": value for name, value in optimizer_tensors(optimizer).items()}
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            return name
    write_tensors(folder / STATE_FILE, tensors, progress._asdict())
    return ""


def restore_state(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Take weights and optimizer from the last checkpoint, if there is one, and how far it was."""
    path = folder / STATE_FILE
    if not path.is_file():
        return Progress()
    tensors, header = read_tensors(path)
    by_part: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}}
    for name, value in tensors.items():
        part, rest = name.split(".", 1)
        by_part[part][rest] = value
    model.load_state_dict(by_part["model"])
    restore_optimizer(optimizer, by_part["optimizer"])
    return Progress(int(header["step"]), float(header["seconds"]), int(header.get("threads", 0)))


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state as named tensors, "<parameter>.<slot>"; numbers become tensors, empty slots are left."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{slot}": torch.as_tensor(value)
        for index, slots in state.items()
        for slot, value in slots.items()
        if value is not None
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave; groups (and their learning rates) stay as the optimizer has them."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, slot = key.split(".", 1)
        state.setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
