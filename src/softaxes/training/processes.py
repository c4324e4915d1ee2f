"""How do the processes of a run share its work? One batch, one writer, and one answer to what stops the run.

Only the first process writes. Whatever fails there fails in every process, so that none waits for one that has gone.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from softaxes.training.machine import Machine
from softaxes.training.task import Batch

T = TypeVar("T")
SETTLING_SECONDS = 0.5
Processes = Fabric  # devices, precision, collective operations


def start(machine: Machine) -> Processes:
    """Start the processes of a run; ValueError if the machine has no such devices."""
    several = machine.devices * machine.nodes > 1
    try:
        fabric = Fabric(
            accelerator=machine.accelerator,
            devices=machine.devices,
            num_nodes=machine.nodes,
            precision=machine.precision,
            strategy=DDPStrategy() if several else "auto",
        )
    except Exception as error:  # Fabric has exceptions of its own for devices that are not there
        reason = " ".join(str(error).split())[:200]
        asked = f"{machine.devices} device(s) of accelerator {machine.accelerator!r}"
        raise ValueError(f"no {asked} here: use --accelerator cpu ({reason})") from None
    fabric.launch()
    if several:
        atexit.register(_leave)
    return fabric


def _leave() -> None:
    """End this process's connections; a process that exits with open ones may be aborted.

    The thread that carried out the last operation may still want the interpreter's lock, to let go of its tensors. Who
    closes the connections without letting it have that waits for it for ever; who ends the interpreter is aborted.
    """
    if torch.distributed.is_initialized():
        time.sleep(SETTLING_SECONDS)
        torch.distributed.destroy_process_group()


def in_first(fabric: Processes, action: Callable[[], T]) -> T | None:
    """Run ``action`` in the first process: its value there, None elsewhere. What it raises is raised everywhere."""
    if fabric.world_size == 1:
        return action()
    value, error = None, None
    if fabric.is_global_zero:
        try:
            value = action()
        except Exception as raised:  # a process that is left alone waits until its network gives up
            error = raised
    error = fabric.broadcast(error)
    if error is not None:
        fabric.barrier()  # each has heard of it before any hangs up
        _leave()
        raise error
    return value


def in_any(fabric: Processes, *flags: bool) -> list[bool]:
    """Each flag: is it up in any process?"""
    if fabric.world_size == 1:
        return list(flags)
    raised: Any = fabric.all_reduce(torch.tensor([float(flag) for flag in flags]), reduce_op="sum")
    return [bool(count > 0) for count in raised]


def share_of(fabric: Processes, batch: Batch) -> Batch:
    """This process's rows of the batch, on its device; ValueError if the processes cannot share it equally."""
    world, rank = fabric.world_size, fabric.global_rank
    if world > 1:
        for name, value in batch.items():
            if value.ndim == 0 or len(value) % world:
                raise ValueError(
                    f"`batch` must have rows that {world} processes can share equally, "
                    f"got {name!r} of shape {tuple(value.shape)}"
                )
        batch = {name: value.chunk(world)[rank] for name, value in batch.items()}
    return {name: fabric.to_device(value) for name, value in batch.items()}
