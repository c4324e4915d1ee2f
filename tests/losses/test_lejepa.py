"""LeJEPA: its pull by hand, its terms in their published proportion, the notebook's form, and two real processes."""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from softaxes.losses.lejepa import attraction, lejepa, lejepa_article
from softaxes.losses.sigreg import sigreg, sigreg_article
from softaxes.losses.variance import scale_term


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Many small operations: on a busy machine two threads mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    anchor = torch.randn(32, 6)
    return anchor, anchor + 0.3 * torch.randn(32, 6)


# ------------------------------------------------------------------------------------------- the pull


def test_attraction_is_the_mean_squared_difference() -> None:
    anchor = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
    view = torch.tensor([[3.0, 4.0], [1.0, 2.0]])
    assert attraction(anchor, view).item() == (9 + 16) / 4
    assert attraction(anchor, anchor) == 0


def test_falloff_lets_far_shifts_go() -> None:
    anchor, view = torch.zeros(3, 2), torch.ones(3, 2)
    one_kind = attraction(anchor, view, amount=torch.tensor([0, 2, -4]), falloff=8.0)
    assert one_kind.item() == pytest.approx((1 + math.exp(-0.5) + math.exp(-2)) / 3)
    two_kinds = attraction(anchor, view, amount=torch.tensor([[0.0, 0], [3, 4], [0, -5]]), falloff=25.0)
    assert two_kinds.item() == pytest.approx((1 + 2 * math.exp(-1)) / 3)


def test_attraction_moves_both_views_and_keeps_float32(pair: tuple[Tensor, Tensor]) -> None:
    anchor, view = (z.bfloat16().requires_grad_() for z in pair)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = attraction(anchor, view)
    loss.backward()
    assert loss.dtype == torch.float32
    assert anchor.grad is not None and view.grad is not None
    torch.testing.assert_close(anchor.grad, -view.grad)
    assert attraction(anchor.double(), view.double()).dtype == torch.float64


# ------------------------------------------------------------------------------------------- the whole


def test_lejepa_is_a_convex_combination_of_pull_and_push(pair: tuple[Tensor, Tensor]) -> None:
    anchor, view = pair
    pull, push = attraction(anchor, view), (sigreg(anchor, step=3) + sigreg(view, step=3)) / 2
    assert lejepa(anchor, view, step=3).item() == pytest.approx((0.95 * pull + 0.05 * push).item())
    assert lejepa(anchor, view, step=3, sigreg_weight=0).item() == pytest.approx(pull.item())
    assert lejepa(anchor, view, step=3, sigreg_weight=1).item() == pytest.approx(push.item())


def test_every_option_of_lejepa_acts_as_its_term_does(pair: tuple[Tensor, Tensor]) -> None:
    anchor, view = pair
    amount = torch.arange(32.0)
    settings = {"slices": 8, "knots": 5, "t_max": 2.0}
    pull = attraction(anchor, view, amount=amount, falloff=10.0)
    push = (sigreg(anchor, step=1, **settings) + sigreg(view, step=1, **settings)) / 2  # type: ignore[arg-type]
    spread = (scale_term(anchor) + scale_term(view)) / 2
    whole = {"sigreg_weight": 0.3, "scale_weight": 2.0, "falloff": 10.0, **settings}
    expected = pytest.approx((0.7 * pull + 0.3 * push + 2 * spread).item())
    assert lejepa(anchor, view, step=1, amount=amount, **whole).item() == expected  # type: ignore[arg-type]


def test_the_article_form_is_the_notebooks(pair: tuple[Tensor, Tensor]) -> None:
    anchor, view = pair
    amount = torch.randint(-4, 5, (32, 2))
    weight = torch.exp(-(amount**2).sum(1) / 100)
    pull = ((anchor - view) ** 2 * weight[:, None]).mean()
    push = sigreg_article(torch.cat([anchor, view]), step=5) * 0.5
    whole = lejepa_article(anchor, view, step=5, amount=amount, falloff=100.0)
    assert whole.item() == pytest.approx((0.5 * pull + 0.5 * push).item())
    assert lejepa_article(anchor, anchor, step=5, slices=9).item() == pytest.approx(
        0.25 * sigreg_article(anchor, step=5, slices=9).item(), rel=1e-4
    )


def test_the_scale_term_brings_a_collapsed_cloud_back_where_sigreg_cannot() -> None:
    def spread_after_descent(scale_weight: float) -> float:
        anchor = (torch.randn(64, 4) * 1e-5).requires_grad_()
        for step in range(20):
            loss = lejepa(anchor, anchor.roll(1, 0), step=step, slices=16, scale_weight=scale_weight)
            (gradient,) = torch.autograd.grad(loss, anchor)
            anchor = (anchor - 10 * gradient).detach().requires_grad_()
        return anchor.std(0).mean().item()

    assert spread_after_descent(1.0) > 0.5
    assert spread_after_descent(0.0) < 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"view": torch.zeros(4, 3)}, r"`view` must have the shape of `anchor`, \(4, 2\), got \(4, 3\)"),
        ({"anchor": torch.zeros(4)}, r"`anchor` must have shape \(B, D\) with B, D > 0, got \(4,\)"),
        ({"view": torch.zeros(4, 2).long()}, r"`view` must be of a floating-point type, got torch.int64"),
        (
            {"amount": torch.zeros(4)},
            r"`amount` and `falloff` must be given together, got amount .*\(4,\).* falloff=None",
        ),
        ({"falloff": 1.0}, r"`amount` and `falloff` must be given together, got no amount and falloff=1\.0"),
        ({"amount": torch.zeros(4), "falloff": 0.0}, r"`falloff` must be positive and finite, got 0\.0"),
        ({"amount": torch.zeros(3), "falloff": 1.0}, r"`amount` must have shape \(4,\) or \(4, kinds\), got \(3,\)"),
        ({"amount": torch.tensor(1.0), "falloff": 1.0}, r"`amount` must have shape .* got \(\)"),
        ({"sigreg_weight": 1.5}, r"`sigreg_weight` must be in \[0, 1\], got 1\.5"),
        ({"sigreg_weight": math.nan}, r"`sigreg_weight` must be in \[0, 1\], got nan"),
        ({"scale_weight": -1.0}, r"`scale_weight` must be >= 0 and finite, got -1\.0"),
    ],
)
def test_mistakes_are_named(settings: dict[str, Any], message: str) -> None:
    arguments = {"anchor": torch.zeros(4, 2), "view": torch.zeros(4, 2), "step": 0, **settings}
    with pytest.raises(ValueError, match=message):
        lejepa(**arguments)


# ------------------------------------------------------------------------------------------- two real processes

SPLITS = {"even": (8, 8), "uneven": (11, 5)}
LOSSES: dict[str, Callable[..., Tensor]] = {
    "lejepa": lambda z, v, a: lejepa(z, v, step=4, slices=9, scale_weight=0.5, amount=a, falloff=9.0),
    "article": lambda z, v, a: lejepa_article(z, v, step=4, slices=9, amount=a, falloff=9.0),
}


def encoder_and_batch() -> tuple[torch.nn.Module, Tensor, Tensor, Tensor]:
    torch.manual_seed(5)
    encoder = torch.nn.Sequential(torch.nn.Linear(6, 12), torch.nn.Tanh(), torch.nn.Linear(12, 4)).double()
    images = torch.randn(16, 6, dtype=torch.float64)
    return encoder, images, images + 0.4 * torch.randn_like(images), torch.randint(-4, 5, (16,))


def loss_of(
    encoder: Callable[[Tensor], Tensor], loss: Callable[..., Tensor], images: Tensor, views: Tensor, a: Tensor
) -> Tensor:
    anchor, view = encoder(torch.cat([images, views])).chunk(2)
    return loss(anchor, view, a)


def one_of_two_processes(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    patience = datetime.timedelta(minutes=10)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2, timeout=patience)
    results = {}
    for split, sizes in SPLITS.items():
        for name, loss in LOSSES.items():
            encoder, *batch = encoder_and_batch()
            parallel = DistributedDataParallel(encoder)  # must live until the backward pass is over
            value = loss_of(parallel, loss, *(part.split(sizes)[rank] for part in batch))
            value.backward()
            results[f"{split} {name}"] = value.detach(), [p.grad for p in encoder.parameters()]
    torch.save(results, f"{folder}/{rank}.pt")
    dist.destroy_process_group()
    os._exit(0)  # threads of the wrapper may abort an interpreter that closes under load


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(one_of_two_processes, args=(str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_average_to_one(two_processes: list[dict[str, Any]], split: str, name: str) -> None:
    encoder, *batch = encoder_and_batch()
    value = loss_of(encoder, LOSSES[name], *batch)
    value.backward()
    values, gradients = zip(*(results[f"{split} {name}"] for results in two_processes), strict=True)
    torch.testing.assert_close(sum(values) / 2, value.detach(), rtol=1e-9, atol=1e-12)
    for gradient in gradients:
        torch.testing.assert_close(gradient, [p.grad for p in encoder.parameters()], rtol=1e-9, atol=1e-12)
