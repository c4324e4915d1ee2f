"""A model encodes, steers by name and decodes; what it cannot take it says."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import softaxes
from softaxes.geometry.axes import Axes, CircleAxis, LineAxis
from softaxes.geometry.kinds import Circle, Line
from softaxes.model.model import Model
from softaxes.model.part import Part

SHAPE, DIM = (1, 8, 8), 6
ENCODER = Part("FlatEncoder", {"side": 8, "dim": DIM, "width": 12, "depth": 1})
DECODER = Part("PixelDecoder", {"side": 8, "dim": DIM, "width": 12})
METRE = Circle("metre", 16)


def some_axes():
    e = torch.linalg.qr(torch.randn(DIM, DIM)).Q
    pitch = LineAxis(Line("pitch"), 0.5 * e[0], torch.randn(DIM))
    beat = CircleAxis(Circle("beat", 4, follows="metre"), e[3:5], torch.randn(DIM))
    return Axes([pitch, CircleAxis(METRE, e[1:3], torch.randn(DIM)), beat])


@pytest.fixture
def model():
    return Model(ENCODER, some_axes(), SHAPE, decoder=DECODER, threshold=0.3, card={"data": "none"})


@pytest.fixture
def images():
    return torch.rand(5, *SHAPE)


def test_what_a_model_says_of_itself(model):
    assert (model.input_shape, model.window_steps, model.axes_dim, model.threshold) == (SHAPE, 8, DIM, 0.3)
    assert set(model.axes) == {"pitch", "metre", "beat"}
    assert model.card == {"data": "none"}
    assert not model.training


def test_encode_gives_the_encoders_latents_in_batches_of_any_size(model, images):
    with torch.no_grad():
        expected = model.encoder(images)
    assert torch.allclose(model.encode(images), expected, atol=1e-6)
    for batch in (1, 2, 512):
        assert torch.allclose(model.encode(images, batch=batch), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_, np.int64, np.float64, np.float16])
def test_encode_takes_arrays_of_any_number_type(model, images, dtype):
    array = (images.numpy() > 0.5).astype(dtype)
    expected = model.encode((images > 0.5).float())
    array.flags.writeable = False
    for form in (array, array[::-1][::-1], array.tolist(), torch.tensor(array)):
        assert torch.equal(model.encode(form), expected)


def test_results_are_float32_without_gradient_and_fit_for_training(model, images):
    z = model.encode(images.double().requires_grad_())
    for result in (z, model.steer(z, pitch=1), model.decode(z)):
        assert result.dtype == torch.float32
        assert not result.requires_grad
    probe = torch.nn.Linear(DIM, 1)
    probe(z).sum().backward()  # tensors made in inference mode would refuse
    assert torch.allclose(probe.weight.grad[0], z.sum(0))


@pytest.mark.parametrize("kind, off", [("half", 2e-3), ("bfloat16", 2e-2), ("double", 1e-6)])
def test_weights_of_any_type_encode_and_decode_in_float32(model, images, kind, off):
    z, decoded = model.encode(images), model.decode(torch.randn(3, DIM))
    other = getattr(copy.deepcopy(model), kind)()
    found = other.encode(images)
    assert found.dtype == torch.float32 and (found - z).norm() <= off * z.norm()
    assert other.decode(z).dtype == torch.float32 and other.decode(z).shape == (5, *decoded.shape[1:])
    assert len(other.digest()) == 32


def test_a_default_of_float64_changes_nothing():
    rolls = np.zeros((2, 2, 128, 32), np.uint8)
    rolls[:, :, 60, ::4] = 1
    z = softaxes.load("melody").encode(rolls)
    torch.set_default_dtype(torch.float64)
    try:
        model = softaxes.load("melody")
        assert torch.allclose(model.encode(rolls), z, atol=1e-5)
        assert model.decode(z).dtype == model.steer(z, pitch=3).dtype == model.encode(rolls[:0]).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("rolls, got", [(100, r"0\.\.100"), (-0.5, r"-0\.5\.\.0")])
def test_velocities_are_no_piano_roll(rolls, got):
    windows = np.zeros((1, 2, 128, 32), np.float32)
    windows[0, :, 60, 0] = rolls
    with pytest.raises(ValueError, match=f"`windows` must hold 0 where nothing sounds and 1 .*, got {got}$"):
        softaxes.load("melody").encode(windows)


def test_nothing_in_nothing_out(model):
    assert model.encode(torch.zeros(0, *SHAPE)).shape == (0, DIM)
    assert model.decode(torch.zeros(0, DIM)).shape == (0, *SHAPE)
    assert model.steer(torch.zeros(0, DIM), pitch=1).shape == (0, DIM)


def test_steer_moves_along_the_named_axes_and_no_others(model):
    z = torch.randn(4, DIM)
    moved = model.steer(z, pitch=3, metre=-4)
    assert torch.allclose(model.axes["pitch"].coordinate(moved), model.axes["pitch"].coordinate(z) + 3, atol=1e-4)
    turned = (model.axes["metre"].coordinate(moved) - model.axes["metre"].coordinate(z)).remainder(16)
    assert torch.allclose(turned, torch.tensor(12.0), atol=1e-3)
    assert torch.allclose(model.axes.remove(moved), model.axes.remove(z), atol=1e-5)
    assert torch.equal(model.steer(z), z)
    assert torch.allclose(model.steer(model.steer(moved, pitch=-3), metre=4), z, atol=1e-5)


def test_steer_takes_an_amount_for_each_row(model):
    z = torch.randn(3, DIM)
    rows = torch.cat([model.steer(z[i : i + 1], pitch=i - 1, metre=2 * i) for i in range(3)])
    for amounts in ([-1, 0, 1], np.array([-1.0, 0, 1]), torch.tensor([-1, 0, 1])):
        assert torch.allclose(model.steer(z.numpy(), pitch=amounts, metre=[0, 2, 4]), rows, atol=1e-6)


def test_a_kind_may_have_any_name_that_python_allows():
    axes = Axes(
        [
            LineAxis(Line(name), row, torch.zeros(DIM))
            for name, row in zip(("z", "self"), torch.eye(DIM)[:2], strict=True)
        ]
    )
    steered = Model(ENCODER, axes, SHAPE).steer(torch.zeros(1, DIM), z=2.0, self=3.0)
    assert steered[0, :3].tolist() == [2, 3, 0]


def test_decode_gives_probabilities_in_the_shape_of_the_windows(model):
    z = 30 * torch.randn(7, DIM)
    decoded = model.decode(z)
    assert decoded.shape == (7, *SHAPE)
    assert 0 <= decoded.min() < 0.5 < decoded.max() <= 1
    with torch.no_grad():
        assert torch.allclose(decoded, torch.sigmoid(model.decoder(z)))
    assert torch.allclose(model.decode(z, batch=2), decoded, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.encode(torch.zeros(8, 8)), ValueError, r"`windows` must have shape \(B, 1, 8, 8\), got \(8, 8\)"),
        (lambda m: m.encode(torch.zeros(2, 1, 8, 9)), ValueError, r"shape \(B, 1, 8, 8\), got \(2, 1, 8, 9\)"),
        (lambda m: m.encode(torch.full((1, *SHAPE), math.nan)), ValueError, "`windows` must be finite, got NaN"),
        (lambda m: m.encode("a.mid"), TypeError, "`windows` must hold real numbers, got <U5"),
        (lambda m: m.encode(torch.zeros(1, *SHAPE), batch=0), ValueError, "`batch` must be >= 1, got 0"),
        (
            lambda m: m.steer(torch.zeros(2, DIM), width=1),
            ValueError,
            "unknown kind 'width'; this model knows p",
        ),
        (lambda m: m.steer(torch.zeros(2, DIM), pitch=math.inf), ValueError, "`pitch` must be finite, got NaN"),
        (lambda m: m.steer(torch.zeros(2, DIM), pitch="3"), TypeError, "`pitch` must hold real numbers, got <U1"),
        (
            lambda m: m.steer(torch.zeros(2, DIM), pitch=[1]),
            ValueError,
            r"a number or one per row \(2\), got",
        ),
        (lambda m: m.steer(torch.zeros(2, DIM), pitch=[[1, 2]]), ValueError, r"one per row \(2\), got shape \(1, 2\)"),
        (lambda m: m.steer(torch.zeros(DIM), pitch=1), ValueError, r"`z` must have shape \(B, 6\), got \(6,\)"),
        (lambda m: m.steer(torch.zeros(2, 5), pitch=1), ValueError, r"`z` must have shape \(B, 6\), got \(2, 5\)"),
        (lambda m: m.steer(torch.full((1, DIM), math.nan), pitch=1), ValueError, "`z` must be finite, got NaN"),
        (lambda m: m.decode(torch.zeros(2, 5)), ValueError, r"`z` must have shape \(B, 6\), got \(2, 5\)"),
        (lambda m: m.decode(torch.zeros(2, DIM), batch=-1), ValueError, "`batch` must be >= 1, got -1"),
        (
            lambda m: Model(ENCODER, m.axes, SHAPE).decode(torch.zeros(1, DIM)),
            ValueError,
            "this model has no decoder: `softaxes train` trains models that have one",
        ),
        (lambda m: Model(ENCODER, Axes([]), SHAPE), ValueError, "`axes` must hold at least one axis, got none"),
        (lambda m: Model(ENCODER, m.axes, SHAPE, threshold=1.5), ValueError, "`threshold` must be a probability"),
        (
            lambda m: Part("NoSuchNet").build(),
            ValueError,
            "unknown network 'NoSuchNet': this checkpoint is",
        ),
        (lambda m: Part("annotations").build(), ValueError, "unknown network 'annotations'"),
        (lambda m: Part("FlatEncoder", {"deep": 3}).build(), ValueError, "'FlatEncoder' does not take {'deep': 3}"),
    ],
)
def test_errors(model, call, error, message):
    with pytest.raises(error, match=message):
        call(model)


def test_bf16_is_near_and_float32_again(model, images):
    for work, rows in ((model.encode, images), (model.decode, torch.randn(5, DIM))):
        exact, near = work(rows), work(rows, precision="bf16")
        assert near.dtype == torch.float32
        assert not torch.equal(near, exact)
        assert torch.allclose(near, exact, atol=0.05)
        with pytest.raises(ValueError, match="`precision` must be one of fp32, bf16, got 'fp8'"):
            work(rows, precision="fp8")


# --- what steering and blending promise, whatever the latent --------------------------------------------------------

AMOUNTS = st.fixed_dictionaries({name: st.integers(-40, 40) for name in ("pitch", "metre", "beat")})


@given(st.integers(0, 99), AMOUNTS)
def test_steering_by_0_is_the_identity(seed, amounts):
    torch.manual_seed(seed)
    model, z = Model(ENCODER, some_axes(), SHAPE), 3 * torch.randn(4, DIM)
    assert torch.allclose(model.steer(z, **dict.fromkeys(amounts, 0)), z, atol=1e-6)
    there = model.steer(z, **amounts)
    back = model.steer(there, **{name: -amount for name, amount in amounts.items()})
    assert torch.allclose(back, z, atol=1e-4)


@given(st.integers(0, 99), AMOUNTS, AMOUNTS)
def test_steering_by_a_then_b_is_steering_by_their_sum(seed, first, second):
    torch.manual_seed(seed)
    model, z = Model(ENCODER, some_axes(), SHAPE), 3 * torch.randn(4, DIM)
    twice = model.steer(model.steer(z, **first), **second)
    once = model.steer(z, **{name: first[name] + second[name] for name in first})
    assert torch.allclose(twice, once, atol=1e-4)
    swapped = model.steer(model.steer(z, **second), **first)
    assert torch.allclose(twice, swapped, atol=1e-4)


@given(st.integers(0, 99), st.floats(0, 1))
def test_a_blend_goes_to_the_others_content_and_stays_in_place(seed, share):
    torch.manual_seed(seed)
    model = Model(ENCODER, some_axes(), SHAPE)
    z, other = 3 * torch.randn(4, DIM), 3 * torch.randn(4, DIM)
    blended = model.blend(z, other, share)
    for axis in model.axes.values():
        where = blended @ axis.basis.T
        assert torch.allclose(where, z @ axis.basis.T, atol=1e-4)
    content = torch.lerp(model.axes.remove(z), model.axes.remove(other), share)
    assert torch.allclose(model.axes.remove(blended), content, atol=1e-4)


def test_a_blend_keeps_what_is_named(model):
    z, other = torch.randn(2, DIM), torch.randn(2, DIM)
    pitch = model.axes["pitch"]
    kept = model.blend(z, other, 1.0, keep=("pitch",))
    assert torch.equal(kept, model.blend(z, other, 1.0, keep="pitch"))
    assert torch.allclose(pitch.coordinate(kept), pitch.coordinate(z), atol=1e-5)
    assert torch.allclose(model.axes["metre"].coordinate(kept), model.axes["metre"].coordinate(other), atol=1e-3)
    assert torch.allclose(model.blend(z, other, 0.25, keep=()), torch.lerp(z, other, 0.25), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": 1.5}, r"`share` must lie in 0..1, got 1.5"),
        ({"share": math.nan}, r"`share` must lie in 0..1, got nan"),
        ({"keep": ("velocity",)}, "unknown kind 'velocity'"),
        ({"other": torch.zeros(2, DIM)}, r"`other` must have shape \(1, 6\) as `z` does, got \(2, 6\)"),
        ({"other": torch.full((1, DIM), math.inf)}, "`other` must be finite"),
    ],
)
def test_what_cannot_be_blended(model, change, message):
    with pytest.raises(ValueError, match=message):
        model.blend(**{"other": torch.zeros(1, DIM), **change}, z=torch.zeros(1, DIM))


def test_numbers_that_overflow_and_complex_ones_are_refused():
    model = Model(ENCODER, some_axes(), SHAPE, decoder=DECODER)
    z = torch.zeros(1, DIM)
    with pytest.raises(ValueError, match="`z` must be finite"):
        model.steer(np.full((1, DIM), 1e300), pitch=1)
    with pytest.raises(ValueError, match="`pitch` must be finite"):
        model.steer(z, pitch=1e300)
    with pytest.raises(TypeError, match="`z` must hold real numbers"):
        model.steer(z.to(torch.complex64), pitch=1)
