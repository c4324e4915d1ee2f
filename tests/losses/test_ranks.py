"""Sums over processes: two real processes give the value and, averaged, the gradient of the whole batch."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from softaxes.losses._ranks import gather_rows, rank, sum_over_ranks, world_size
from tests.losses import across_ranks


def test_one_process_is_all_there_is():
    x = torch.randn(3, 2)
    assert (rank(), world_size()) == (0, 1)
    assert sum_over_ranks(x) is x
    assert gather_rows(x) is x


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What each of two processes computed on its rows."""
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, "-W", "error", str(Path(__file__).with_name("across_ranks.py"))]
    processes = [
        subprocess.Popen([*command, str(number), "2", str(folder)], stderr=subprocess.PIPE, text=True)
        for number in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    return [torch.load(folder / f"{number}.pt", weights_only=True) for number in range(2)]


@pytest.fixture(scope="module")
def whole():
    return across_ranks.values_and_gradients(0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("term", across_ranks.TERMS)
def test_every_process_has_the_value_of_the_whole_batch(two, whole, term):
    assert float(whole[term]) > 0
    for one in two:
        assert float(one[term]) == pytest.approx(float(whole[term]), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("term", across_ranks.TERMS)
def test_the_mean_of_gradients_is_the_gradient_of_the_whole_batch(two, whole, term):
    names = [name for name in whole if name.startswith(f"{term}.")]
    assert max(float(whole[name].abs().max()) for name in names) > 1e-3
    for name in names:
        mean = (two[0][name] + two[1][name]) / 2
        assert torch.allclose(mean, whole[name], rtol=1e-8, atol=1e-10), name


@pytest.mark.slow
def test_sums_and_rows_of_two_processes(two):
    for one in two:
        assert torch.equal(one["sum"], torch.full((2, 3), 3.0))
        assert one["rows"][:, 0].tolist() == [1, 1, 2, 2]
        assert torch.equal(one["transposed"], torch.arange(6.0).reshape(2, 3).T)
