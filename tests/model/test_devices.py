"""Devices by name, and how many threads pay."""

from __future__ import annotations

import os
import re

import pytest
import torch

from softaxes.model.devices import device_named
from softaxes.model.threads import free_threads, torch_threads


def test_the_cpu_is_always_there_and_auto_takes_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device_named("cpu") == torch.device("cpu")
    for there, name in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        assert device_named("auto") == torch.device(name)


def test_a_device_that_is_not_there_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=re.escape("there is no cuda device here: `device` must be one of auto, cpu")):
        device_named("cuda")
    with pytest.raises(ValueError, match="`device` must be one of auto, cpu, cuda, mps, got 'tpu'"):
        device_named("tpu")  # type: ignore[arg-type]


@pytest.mark.parametrize(("busy", "processes", "threads"), [(0.2, 1, 4), (2.4, 1, 2), (9.0, 1, 1), (0.0, 2, 2)])
def test_busy_cores_are_left_alone(busy: float, processes: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (busy, 0.0, 0.0))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert free_threads(processes) == threads


def test_the_caller_has_his_threads_again() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before
