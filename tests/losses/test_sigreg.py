"""SIGReg against a slow twin, closed forms, Gaussian clouds, and two real processes."""

from __future__ import annotations

import datetime
import functools
import itertools
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing
from scipy.special import hyp1f1
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from softaxes.losses import _sigreg_kernel
from softaxes.losses.sigreg import sigreg, sigreg_article
from softaxes.losses.variance import scale_term


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Many small operations: on a busy machine two threads mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drawn_directions(step: int, dim: int, slices: int) -> Tensor:
    """What the article's program draws: columns of a (dim, slices) normal matrix, scaled to length 1."""
    drawn = torch.randn(dim, slices, generator=torch.Generator().manual_seed(step))
    return drawn.double() / drawn.double().norm(dim=0)


def slow_sigreg(z: Tensor, step: int, slices: int, knots: int = 17, t_max: float = 3.0) -> Tensor:
    """The definition, one slice and one knot at a time, over the whole line [-t_max, t_max]."""
    total = z.new_zeros(())
    for a in drawn_directions(step, z.shape[1], slices).T:
        heights = []
        t = torch.linspace(-t_max, t_max, 2 * knots - 1, dtype=z.dtype)
        for t_k in t:
            phi = torch.exp(1j * t_k * (z @ a)).mean()
            heights.append((phi - torch.exp(-(t_k**2) / 2)).abs() ** 2 * torch.exp(-(t_k**2) / 2))
        total = total + torch.trapezoid(torch.stack(heights), t)
    return len(z) * total / slices


def slow_article(z: Tensor, step: int, slices: int) -> Tensor:
    """The notebook's formula: modulus of the characteristic function, 17 knots on [-5, 5], summed over slices."""
    t = torch.linspace(-5, 5, 17, dtype=z.dtype)
    gauss = torch.exp(-t.square() / 2)
    modulus = torch.exp(1j * (z @ drawn_directions(step, z.shape[1], slices))[:, :, None] * t).mean(0).abs()
    return torch.trapezoid((modulus - gauss) ** 2 * gauss, t, dim=1).sum()


def value_and_gradient(loss: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    z = z.detach().clone().requires_grad_()
    value = loss(z)
    return value.detach(), torch.autograd.grad(value, z)[0]


def skewed_cloud(rows: int, dim: int) -> Tensor:
    return torch.randn(rows, dim, dtype=torch.float64).abs() * torch.linspace(0.2, 2, dim, dtype=torch.float64) + 0.3


# ------------------------------------------------------------------------------------------- value and gradient


@pytest.mark.parametrize(("knots", "t_max"), [(17, 3.0), (2, 1.0), (3, 2.0), (6, 2.5), (40, 8.0)])
def test_value_and_gradient_are_those_of_the_slow_twin(knots: int, t_max: float) -> None:
    z = skewed_cloud(23, 5)
    fast = value_and_gradient(lambda z: sigreg(z, step=3, slices=7, knots=knots, t_max=t_max, chunk=3), z)
    slow = value_and_gradient(lambda z: slow_sigreg(z, 3, 7, knots, t_max), z)
    torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-13)


def test_article_form_is_the_notebooks_formula() -> None:
    z = skewed_cloud(23, 5)
    fast = value_and_gradient(lambda z: sigreg_article(z, step=3, slices=7, chunk=2), z)
    slow = value_and_gradient(lambda z: slow_article(z, 3, 7), z)
    torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-13)


def test_article_form_has_a_gradient_where_the_modulus_is_zero() -> None:
    """Here phi is exactly 0 at the second knot, t = 0.625, and the modulus has no derivative."""
    z = torch.tensor([[0.0], [0.0], [1.0], [-1.0]]) * torch.pi / 0.625
    value, gradient = value_and_gradient(lambda z: sigreg_article(z, step=0), z)
    assert value.isfinite() and gradient.isfinite().all()


@pytest.mark.parametrize("form", [sigreg, sigreg_article])
def test_gradient_by_finite_differences(form: Callable[..., Tensor]) -> None:
    z = skewed_cloud(6, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: 3 * form(z, step=1, slices=4), (z,))


def test_the_integral_over_the_line_has_a_closed_form() -> None:
    z = skewed_cloud(40, 6)
    u = (z @ drawn_directions(5, 6, 9)).T
    pairs = torch.exp(-((u[:, :, None] - u[:, None, :]) ** 2) / 2).mean((1, 2))
    exact = math.sqrt(2 * math.pi) * (pairs - math.sqrt(2) * torch.exp(-(u**2) / 4).mean(1) + 1 / math.sqrt(3))
    assert sigreg(z, step=5, slices=9, knots=200, t_max=10).item() == pytest.approx(40 * exact.mean().item(), rel=1e-9)


@pytest.mark.parametrize("dim", [2, 5])
def test_many_slices_approach_the_unsliced_limit(dim: int) -> None:
    """Averaged over the sphere, cos<a, r> is Kummer's 1F1(1/2; D/2; -r^2/2) once weighted by the Gaussian."""
    z = skewed_cloud(30, dim)
    squared = ((z[:, None] - z[None]) ** 2).sum(2).numpy()
    pairs = hyp1f1(0.5, dim / 2, -squared / 2).mean()
    single = hyp1f1(0.5, dim / 2, -(z**2).sum(1).numpy() / 4).mean()
    limit = 30 * math.sqrt(2 * math.pi) * (pairs - math.sqrt(2) * single + 1 / math.sqrt(3))
    assert sigreg(z, step=0, slices=40_000, knots=60, t_max=8).item() == pytest.approx(limit, rel=0.01)


@pytest.mark.parametrize(("rows", "dim"), [(32, 3), (128, 16), (512, 64)])
def test_gaussian_rows_score_near_1_06(rows: int, dim: int) -> None:
    scores = [sigreg(torch.randn(rows, dim), step=n, slices=64).item() for n in range(300)]
    assert np.mean(scores) == pytest.approx(1.06, abs=0.05)


def test_a_point_at_zero_scores_0_41_a_row() -> None:
    exact = 100 * math.sqrt(2 * math.pi) * (1 - math.sqrt(2) + 1 / math.sqrt(3))
    assert sigreg(torch.zeros(100, 4), step=0, knots=100, t_max=8).item() == pytest.approx(exact, rel=1e-4)
    assert sigreg(torch.zeros(100, 4), step=0).item() == pytest.approx(41, abs=1)


def test_the_article_form_is_blind_to_the_mean_and_the_exact_form_is_not() -> None:
    z = torch.randn(512, 16, dtype=torch.float64)
    assert sigreg_article(z + 10, step=0).item() == pytest.approx(sigreg_article(z, step=0).item(), rel=1e-9)
    assert sigreg(z, step=0).item() < 3
    assert sigreg(z + 10, step=0).item() > 100


def test_the_default_grid_does_not_alias_where_the_articles_does() -> None:
    """17 knots on [-5, 5] are 0.625 apart, so a shift by 2 pi / 0.625 = 10.05 is invisible on them."""
    z = torch.randn(512, 1)
    shifted = z + 2 * math.pi / 0.625
    assert sigreg(shifted, step=0, knots=9, t_max=5).item() == pytest.approx(
        sigreg(z, step=0, knots=9, t_max=5).item(), abs=0.05
    )
    assert sigreg(shifted, step=0).item() > 100


# ------------------------------------------------------------------------------------------- precision and memory


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_float32_under_autocast_and_from_half_precision(dtype: torch.dtype) -> None:
    z = torch.randn(64, 8).to(dtype)
    plain = value_and_gradient(lambda z: sigreg(z, step=2, slices=16), z.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        full = value_and_gradient(lambda z: sigreg(z, step=2, slices=16), z.float())
        half = value_and_gradient(lambda z: sigreg(z, step=2, slices=16), z)
    torch.testing.assert_close(full, plain, rtol=0, atol=0)
    assert half[0].dtype == torch.float32 and half[0] == plain[0]
    assert half[1].dtype == dtype
    torch.testing.assert_close(half[1], plain[1].to(dtype))


@pytest.mark.parametrize("rows", [257, 300_000])
def test_float32_is_close_to_float64(rows: int) -> None:
    z = torch.randn(rows, 3)
    single, double = (sigreg(z.to(dtype), step=0, slices=2) for dtype in (torch.float32, torch.float64))
    assert double.dtype == torch.float64
    assert single.item() == pytest.approx(double.item(), rel=1e-3)


class LargestTensor(TorchDispatchMode):
    """Remembers the number of elements of the largest tensor that any operation returned."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor):
            self.elements = max(self.elements, out.numel())
        return out


def test_chunk_bounds_the_memory_and_leaves_the_value() -> None:
    z = torch.randn(200, 4, dtype=torch.float64)
    whole = value_and_gradient(lambda z: sigreg(z, step=0, slices=50, chunk=50), z)
    for chunk in (1, 7, 1000):
        with LargestTensor() as largest:
            pieces = value_and_gradient(lambda z, chunk=chunk: sigreg(z, step=0, slices=50, chunk=chunk), z)
        torch.testing.assert_close(pieces, whole, rtol=1e-10, atol=1e-13)
        assert largest.elements <= max(8 * min(chunk, 50) * 200, 50 * 34, 7 * 5 * 34)


def test_peak_memory_does_not_grow_with_the_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINETO_LOG_LEVEL", "99")  # else torch's profiler reports its starts and stops
    z = torch.randn(2048, 16, requires_grad=True)

    def peak(slices: int) -> int:
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            sigreg(z, step=0, slices=slices).backward()
        events = profiler.profiler.kineto_results.events()  # type: ignore[union-attr]
        return max(itertools.accumulate(event.nbytes() for event in events if event.name() == "[memory]"))

    few, many = peak(256), peak(1024)
    assert few > 2**20
    assert many < 1.1 * few


# ------------------------------------------------------------------------------------------- randomness and errors


def test_step_alone_decides_the_directions() -> None:
    z = torch.randn(64, 8) * 2
    before = torch.get_rng_state()
    first = sigreg(z, step=7)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert sigreg(z, step=np.int64(7)) == first
    assert sigreg(z, step=8) != first


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_non_finite_latents_give_nan_value_and_gradient(poison: float) -> None:
    z = torch.randn(16, 4)
    z[3, 2] = poison
    for loss in (sigreg, sigreg_article):
        value, gradient = value_and_gradient(functools.partial(loss, step=0), z)
        assert value.isnan() and gradient.isnan().any()


def test_without_gradient_the_value_is_the_same_and_costs_less(monkeypatch: pytest.MonkeyPatch) -> None:
    z = torch.randn(32, 4)
    evaluate, gradients = _sigreg_kernel._Work.evaluate, []
    monkeypatch.setattr(_sigreg_kernel._Work, "evaluate", lambda *args: gradients.append(1) or evaluate(*args))
    with torch.no_grad():
        quiet = sigreg(z.clone().requires_grad_(), step=0)
    assert not quiet.requires_grad
    assert quiet == sigreg(z, step=0)
    assert not gradients
    assert quiet == sigreg(z.clone().requires_grad_(), step=0)
    assert gradients


def test_there_is_no_second_derivative() -> None:
    z = torch.randn(8, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="SIGReg has no second derivative: call backward without `create_graph`"):
        torch.autograd.grad(sigreg(z, step=0), z, create_graph=True)


@pytest.mark.parametrize(
    ("z", "settings", "error", "message"),
    [
        (torch.zeros(4), {}, ValueError, r"`z` must have shape \(B, D\) with B, D > 0, got \(4,\)"),
        (torch.zeros(0, 4), {}, ValueError, r"`z` must have shape .* got \(0, 4\)"),
        (torch.zeros(4, 0), {}, ValueError, r"`z` must have shape .* got \(4, 0\)"),
        (torch.zeros(2, 3, 4), {}, ValueError, r"`z` must have shape .* got \(2, 3, 4\)"),
        (torch.zeros(4, 4).long(), {}, ValueError, r"`z` must be of a floating-point type, got torch.int64"),
        (torch.zeros(4, 4), {"step": -1}, ValueError, r"`step` must be >= 0 and < 2\^63, got -1"),
        (torch.zeros(4, 4), {"step": 2**63}, ValueError, r"`step` must be >= 0 and < 2\^63, got 9223372036854775808"),
        (torch.zeros(4, 4), {"step": 1.5}, TypeError, r"`step` must be an integer, got 1\.5"),
        (torch.zeros(4, 4), {"slices": 0}, ValueError, r"`slices` must be >= 1 and < 2\^63, got 0"),
        (torch.zeros(4, 4), {"knots": 1}, ValueError, r"`knots` must be >= 2 and < 2\^63, got 1"),
        (torch.zeros(4, 4), {"chunk": 0}, ValueError, r"`chunk` must be >= 1 and < 2\^63, got 0"),
        (torch.zeros(4, 4), {"t_max": 0.0}, ValueError, r"`t_max` must be positive and finite, got 0\.0"),
        (torch.zeros(4, 4), {"t_max": math.inf}, ValueError, "`t_max` must be positive and finite, got inf"),
    ],
)
def test_mistakes_are_named(z: Tensor, settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sigreg(z, **{"step": 0, **settings})


# ------------------------------------------------------------------------------------------- the scale term


def test_scale_term_measures_missing_spread() -> None:
    z = torch.tensor([[-0.25, -3.0, 0.0], [0.25, 3.0, 0.0]])  # standard deviations 0.25, 3, 0
    assert scale_term(z).item() == pytest.approx((0.75 + 0 + 1) / 3)
    assert scale_term(z, form="square").item() == pytest.approx((0.75**2 + 2**2 + 1) / 3)
    assert scale_term(z, target=4.0).item() == pytest.approx((3.75 + 1 + 4) / 3)
    assert scale_term(z + 100).item() == pytest.approx(scale_term(z).item())


@pytest.mark.parametrize("form", ["hinge", "square"])
def test_at_collapse_the_scale_terms_gradient_stays_and_sigregs_vanishes(form: Any) -> None:
    cloud = torch.randn(256, 8)
    cloud -= cloud.mean(0)

    def size(loss: Callable[[Tensor], Tensor], spread: float) -> float:
        return value_and_gradient(loss, cloud * spread)[1].norm().item()

    scale, shape = functools.partial(scale_term, form=form), functools.partial(sigreg, step=0)
    assert size(scale, 1e-6) == pytest.approx(size(scale, 1e-3), rel=0.01)
    assert size(scale, 1e-6) > 0.01
    assert size(shape, 1e-6) < 2e-3 * size(shape, 1e-3)


def test_scale_terms_gradient_by_finite_differences_and_upcast() -> None:
    z = skewed_cloud(9, 4).requires_grad_()
    assert torch.autograd.gradcheck(functools.partial(scale_term, form="square"), (z,))
    assert torch.autograd.gradcheck(lambda z: scale_term(z, target=5.0), (z,))
    assert scale_term(z.detach().bfloat16()).dtype == torch.float32


def test_equal_rows_have_no_way_to_part() -> None:
    value, gradient = value_and_gradient(scale_term, torch.ones(5, 3))
    assert value == 1
    assert torch.equal(gradient, torch.zeros(5, 3))


def test_scale_term_names_mistakes() -> None:
    with pytest.raises(ValueError, match="`form` must be 'hinge' or 'square', got 'cubic'"):
        scale_term(torch.zeros(3, 2), form="cubic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`target` must be positive and finite, got -1"):
        scale_term(torch.zeros(3, 2), target=-1)
    with pytest.raises(ValueError, match=r"`z` must have shape .* got \(3,\)"):
        scale_term(torch.zeros(3))


# ------------------------------------------------------------------------------------------- two real processes

SPLITS = {"even": (10, 10), "uneven": (13, 7)}
LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "sigreg": lambda z: sigreg(z, step=4, slices=20),
    "chunked": lambda z: sigreg(z, step=4, slices=20, chunk=6),
    "article": lambda z: sigreg_article(z, step=4, slices=20),
    "scale": lambda z: scale_term(z, target=9.0),
}


def encoder_and_images() -> tuple[torch.nn.Module, Tensor]:
    torch.manual_seed(3)
    encoder = torch.nn.Sequential(torch.nn.Linear(6, 12), torch.nn.Tanh(), torch.nn.Linear(12, 5)).double()
    return encoder, torch.randn(20, 6, dtype=torch.float64) * 2 + 1


def error_of(call: Callable[[], object]) -> str:
    try:
        call()
    except ValueError as error:
        return str(error)
    return "no error"


def one_of_two_processes(rank: int, folder: str) -> None:
    """Each holds its part of the batch under DistributedDataParallel, which averages gradients."""
    torch.set_num_threads(1)
    patience = datetime.timedelta(minutes=10)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2, timeout=patience)
    _sigreg_kernel._CELLS_CPU = 40  # 3 slices at a time for 13 rows, 5 for 7: processes must agree
    results: dict[str, Any] = {}
    for split, sizes in SPLITS.items():
        for name, loss in LOSSES.items():
            encoder, images = encoder_and_images()
            parallel = DistributedDataParallel(encoder)
            value = loss(parallel(images.split(sizes)[rank]))
            value.backward()
            results[f"{split} {name}"] = value.detach(), [p.grad for p in encoder.parameters()]
    z = torch.ones(4, 3 + rank)
    results["dimensions"] = error_of(lambda: sigreg(z, step=0))
    results["steps"] = error_of(lambda: sigreg(torch.ones(4, 3), step=5 + rank))
    results["alone"] = sigreg(torch.full((4, 3), float(rank)), step=0, across_ranks=False)
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
def test_two_processes_give_the_value_and_gradient_of_one(
    two_processes: list[dict[str, Any]], split: str, name: str
) -> None:
    encoder, images = encoder_and_images()
    value = LOSSES[name](encoder(images))
    value.backward()
    for results in two_processes:
        torch.testing.assert_close(
            results[f"{split} {name}"], (value.detach(), [p.grad for p in encoder.parameters()]), rtol=1e-9, atol=1e-12
        )


@pytest.mark.slow
def test_processes_that_disagree_are_told_so_on_both(two_processes: list[dict[str, Any]]) -> None:
    for results in two_processes:
        assert results["dimensions"] == "dimension of `z` must be the same on all processes, got [3, 4]"
        assert results["steps"] == "`step` must be the same on all processes, got [5, 6]"


@pytest.mark.slow
def test_a_process_can_score_its_rows_alone(two_processes: list[dict[str, Any]]) -> None:
    for rank, results in enumerate(two_processes):
        torch.testing.assert_close(results["alone"], sigreg(torch.full((4, 3), float(rank)), step=0))
