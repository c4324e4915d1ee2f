"""What ``softaxes`` offers by name: each tells numpy arrays from tensors, shapes can be read, modules hide nothing."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

import softaxes as sa

KINDS = (sa.Line("pitch"), sa.Circle("metre", period=16))
Z, VIEWS = torch.randn(6, 5), torch.randn(6, 3, 5)
LABELS = {"kind": torch.tensor([[0, 0, 1]]).expand(6, 3), "amount": torch.tensor([[3.0, -5, 4]]).expand(6, 3)}
AXES = sa.Axes([
    sa.LineAxis(KINDS[0], torch.eye(5)[0], torch.zeros(5)), sa.CircleAxis(KINDS[1], torch.eye(5)[1:3], torch.zeros(5)),
])  # fmt: skip
CALLS: dict[str, tuple[Callable[..., object], dict[str, object]]] = {
    "fit_axes": (lambda **a: sa.fit_axes(kinds=KINDS, **a), {"anchor": Z, "views": VIEWS, **LABELS}),
    "SoftFactorization": (sa.SoftFactorization(KINDS), {"anchor": Z, "views": VIEWS, **LABELS}),
    "triplet_factorization_loss": (
        sa.triplet_factorization_loss,
        {"anchor": Z, "view1": Z + 1, "view2": Z + 2, "target": torch.ones(6)},
    ),
    "lejepa": (
        lambda **a: sa.lejepa(step=0, falloff=9.0, **a),
        {"anchor": Z, "view": Z + 1, "amount": torch.ones(6)},
    ),
    "sigreg": (lambda **a: sa.sigreg(step=0, **a), {"z": Z}),
    "shift": (lambda **a: sa.shift(dim=-1, **a), {"x": Z, "amount": torch.arange(6)}),
    "labelled_views": (
        lambda **a: sa.labelled_views(kinds=KINDS[:1], shifts={"pitch": _shift()}, **a),
        {"x": Z, "kind": torch.zeros(6, 2).long(), "amount": torch.ones(6, 2).long()},
    ),
    "LearnedOperators": (sa.LearnedOperators(KINDS, 5), {"z": Z, "amounts": torch.ones(6, 2)}),
    "LearnedOperators.content": (sa.LearnedOperators(KINDS, 5).content, {"z": Z}),
    "Axes.shift": (lambda z: AXES.shift(z, pitch=1.0, metre=2.0), {"z": Z}),
    "Axes.remove": (AXES.remove, {"z": Z}),
    "LineAxis.coordinate": (AXES["pitch"].coordinate, {"z": Z}),
    "LineAxis.shift": (lambda z: AXES["pitch"].shift(z, 1.0), {"z": Z}),
    "CircleAxis.coordinate": (AXES["metre"].coordinate, {"z": Z}),
    "CircleAxis.shift": (lambda z: AXES["metre"].shift(z, 1.0), {"z": Z}),
    "CircleAxis.remove": (AXES["metre"].remove, {"z": Z}),
}  # the functions of models and `diagnose` take arrays of both sorts


def _shift() -> object:
    from softaxes.geometry.shifts import Shift

    return Shift(dim=-1)


CASES = [(name, argument) for name, (_, arguments) in CALLS.items() for argument in arguments]


@pytest.mark.parametrize("name, argument", CASES)
def test_what_is_no_tensor_is_refused_by_name(name: str, argument: str) -> None:
    call, arguments = CALLS[name]
    call(**arguments)
    value = arguments[argument]
    assert isinstance(value, torch.Tensor)
    for wrong, called in ((value.numpy(), "numpy.ndarray"), (value.tolist(), "list"), ("latents", "str")):
        with pytest.raises(TypeError, match=f"^`{argument}` must be a torch tensor, got {called}$"):
            call(**arguments | {argument: wrong})
    with pytest.raises(ValueError, match=f"`{argument}`"):
        call(**arguments | {argument: value.flatten()[0]})


@pytest.mark.parametrize("name", ["fit_axes", "SoftFactorization", "triplet_factorization_loss", "lejepa", "sigreg"])
def test_a_batch_of_nothing_has_no_loss_and_no_axes(name: str) -> None:
    call, arguments = CALLS[name]
    nothing = {argument: value[:0] for argument, value in arguments.items() if isinstance(value, torch.Tensor)}
    with pytest.raises(ValueError, match=r"`(anchor|z)` must have shape \(B, D\) with B, D > 0, got \(0, 5\)"):
        call(**nothing)


@pytest.mark.parametrize("call", ["fit_axes", "SoftFactorization", "sigreg", "lejepa", "Axes.shift", "Axes.remove"])
def test_latents_of_whole_numbers_are_refused(call: str) -> None:
    function, arguments = CALLS[call]
    name = next(iter(arguments))
    with pytest.raises((TypeError, ValueError), match=f"`{name}` must be of a floating-point type, got torch.int64"):
        function(**arguments | {name: torch.ones(6, 5).long()})


def test_a_latent_of_another_size_is_refused() -> None:
    for name in ("pitch", "metre"):
        with pytest.raises(ValueError, match=r"`z` must have shape \(\.\.\., 5\), got \(6, 4\)"):
            AXES[name].coordinate(torch.randn(6, 4))


def test_no_module_of_the_root_is_named_as_a_public_function() -> None:
    """``import softaxes.x as m`` gives the module x, whatever functions are called."""
    modules = {module.name for module in pkgutil.iter_modules(sa.__path__)}
    assert not modules & set(sa.__all__)


def public() -> Iterator[tuple[str, object]]:
    for module in pkgutil.walk_packages(sa.__path__, "softaxes."):
        if module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        for name, value in vars(loaded).items():
            if getattr(value, "__module__", "") == module.name and not name.startswith("_"):
                if inspect.isfunction(value) or inspect.isclass(value):
                    yield f"{module.name}.{name}", value
                if inspect.isclass(value):
                    yield from (
                        (f"{module.name}.{name}.{n}", f) for n, f in vars(value).items() if inspect.isfunction(f)
                    )


def test_annotations_of_every_public_name_can_be_read() -> None:
    unreadable = {}
    for name, value in public():
        try:
            typing.get_type_hints(value)
        except Exception as error:
            unreadable[name] = repr(error)
    assert not unreadable
    assert np.size(list(public())) > 500
