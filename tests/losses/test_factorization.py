"""The loss against points placed by hand, loops over pairs, and the article's form."""

import dataclasses
import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from softaxes.geometry.kinds import Circle, Cycle, Line
from softaxes.geometry.labels import amounts_by_kind
from softaxes.losses.factorization import SoftFactorization, promised_directions, triplet_factorization_loss

PITCH, TIME, METRE = Line("pitch"), Line("time"), Circle("metre", 16)
BEAT = Circle("beat", 4, follows="metre")
MODE = Cycle("mode", 8, harmonics=(3, 1, 4), weights=(0.2, 0.5, 0.3), size=1.4)
ALL = (PITCH, METRE, BEAT, Line("width", size=2.5), Circle("hue", 7.5, size=0.4), MODE)


def targets(kinds, amounts):
    """Promised cosines between the views of one anchor; ``amounts`` (V, K)."""
    return promised_directions(tuple(kinds), torch.as_tensor(amounts, dtype=torch.float32)[None]).target()[0]


def displacement(kinds, amounts, start=0.3):
    """Where a perfect encoder moves: one coordinate a line, two a circle or harmonic, from angle ``start``."""
    parts = []
    for kind, s in zip(kinds, amounts, strict=True):
        if isinstance(kind, (Circle, Cycle)):
            power = zip(sorted(kind.harmonics), kind.weights, strict=True) if isinstance(kind, Cycle) else [(1, 1.0)]
            for harmonic, weight in power:
                radius, turn = kind.size * math.sqrt(weight), 2 * math.pi * harmonic * s / kind.period
                parts += [radius * (math.cos(start + turn) - math.cos(start))]
                parts += [radius * (math.sin(start + turn) - math.sin(start))]
        else:
            parts.append(kind.size * s)
    return parts


def length(v):
    return math.sqrt(sum(x * x for x in v))


def cosine(v, w):
    return sum(x * y for x, y in zip(v, w, strict=True)) / (length(v) * length(w))


# --- targets -----------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(-24, 24).filter(lambda s: s == 0 or abs(s) > 1e-30)),
        min_size=2,
        max_size=6,
    )
)
def test_line_targets_are_one_minus_one_and_zero_to_the_last_bit(shifts):
    kinds = (Line("a", size=0.37), Line("b", size=11.0), Line("c"))
    amounts = torch.zeros(len(shifts), 3)
    for view, (kind, s) in enumerate(shifts):
        amounts[view, kind] = s
    got = targets(kinds, amounts)
    for (i, (a, _)), (j, (b, _)) in itertools.product(enumerate(shifts), repeat=2):
        s, t = float(amounts[i, a]), float(amounts[j, b])
        expected = 0.0 if a != b or s == 0 or t == 0 else math.copysign(1.0, s) * math.copysign(1.0, t)
        assert got[i, j].item() == expected


@given(st.floats(2, 64), st.floats(-40, 40), st.floats(-40, 40))
def test_circle_targets_are_angles_between_chords(period, s, t):
    kind = Circle("metre", period)
    one, two = displacement([kind], [s]), displacement([kind], [t])
    if min(length(one), length(two)) < 1e-2:
        return
    assert float(targets([kind], [[s], [t]])[0, 1]) == pytest.approx(cosine(one, two), abs=1e-3)


@pytest.mark.parametrize(
    ("s", "t", "expected"),
    [
        (4, 4, 1.0),
        (4, -4, 0.0),  # quarter turns either way: a right angle at the start
        (8, -8, 1.0),  # half a turn is the same place both ways
        (4, 8, math.sqrt(0.5)),
        (1, -1, -math.cos(math.pi / 8)),  # the apex of a flat triangle
        (1, 15, -math.cos(math.pi / 8)),
        (1, 17, 1.0),
        (12, -4, 1.0),
    ],
)
def test_chord_law_by_hand(s, t, expected):
    assert float(targets([METRE], [[s], [t]])[0, 1]) == pytest.approx(expected, abs=1e-6)


def test_a_large_period_is_a_line():
    shifts = [[-12.0], [-1.0], [0.5], [7.0]]
    line = targets([PITCH], shifts)
    for period, tolerance in ((1e3, 1e-2), (1e5, 1e-6), (1e7, 1e-6)):
        assert torch.allclose(targets([Circle("pitch", period)], shifts), line, atol=tolerance)
    assert (targets([Circle("pitch", 1e3)], shifts) - line).abs().max() > 1e-4  # and a smaller one is not


@given(
    st.lists(st.tuples(*[st.sampled_from([0.0, 0.0, -3.0, 1.0, 2.0, 5.5])] * len(ALL)), min_size=2, max_size=4),
    st.floats(0, 6),
)
def test_views_that_mix_kinds_have_the_target_that_geometry_gives(amounts, start):
    moved = [displacement(ALL, a, start) for a in amounts]
    got = targets(ALL, amounts)
    for i, j in itertools.combinations(range(len(amounts)), 2):
        if length(moved[i]) > 1e-3 and length(moved[j]) > 1e-3:
            assert float(got[i, j]) == pytest.approx(cosine(moved[i], moved[j]), abs=1e-4)


def test_promised_length_is_that_of_the_displacement():
    amounts = [[3.0, 5.0, 5.0, 0.0, 0.0, 1.5], [0.0, 0.0, 0.0, -2.0, 1.0, 0.0], [0.0, 16.0, 16.0, 0.0, 0.0, -8.0]]
    got = promised_directions(ALL, torch.tensor([amounts])).length[0]
    assert got.tolist() == pytest.approx([length(displacement(ALL, a)) for a in amounts], abs=1e-6)


def test_a_named_kind_moves_its_followers_too_and_a_follower_only_itself():
    kind, amount = torch.tensor([[0, 1, 2]]), torch.tensor([[3, 5, -2]])
    got = amounts_by_kind((PITCH, METRE, BEAT), amount, kind, like=torch.zeros(1, 3, 4))
    assert got.tolist() == [[[3, 0, 0], [0, 5, 5], [0, 0, -2]]]


# --- the terms ---------------------------------------------------------------------------------------------------


def random_batch(kinds, *, anchors=9, views=5, dim=6, mixed=False, seed=0):
    """Latents and labels: amounts (B, V, K), some zero, some whole turns, some clipped."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    anchor, view = draw(anchors, dim), draw(anchors, views, dim)
    amount = torch.randint(-4, 5, (anchors, views, len(kinds)), generator=generator).double()
    amount[0, 0] = 16.0
    if not mixed:
        kind = torch.randint(0, len(kinds), (anchors, views), generator=generator)
        amount = amounts_by_kind(tuple(kinds), amount[..., 0], kind, like=view)
    clipped = torch.rand(anchors, views, generator=generator) < 0.3
    return {"anchor": anchor, "views": view, "amount": amount, "clipped": clipped}


def loop_views(kinds, batch, drop_clipped):
    """(anchor, difference, promised displacement, amounts) of every used view."""
    for b, v in itertools.product(*map(range, batch["views"].shape[:2])):
        amounts = batch["amount"][b, v].tolist()
        promised = displacement(kinds, amounts)
        if length(promised) < 1e-9 or (drop_clipped and bool(batch["clipped"][b, v])):
            continue
        yield b, (batch["views"][b, v] - batch["anchor"][b]).tolist(), promised, amounts


def families_touched(kinds, amounts):
    """Families of circles and cycles that a view moves."""
    return {
        k.family
        for k, s in zip(kinds, amounts, strict=True)
        if not isinstance(k, Line) and length(displacement([k], [s])) > 1e-9
    }


def loop_within(kinds, batch, drop_clipped):
    errors = [
        (cosine(d, e) - cosine(p, q)) ** 2
        for (b, d, p, _), (c, e, q, _) in itertools.combinations(loop_views(kinds, batch, drop_clipped), 2)
        if b == c
    ]
    return sum(errors) / max(1, len(errors))


def loop_across(kinds, batch, drop_clipped):
    errors = []
    for (b, d, p, s), (c, e, q, t) in itertools.combinations(loop_views(kinds, batch, drop_clipped), 2):
        one, two = families_touched(kinds, s), families_touched(kinds, t)
        if b == c or len(one) > 1 or len(two) > 1 or (one and one == two):
            continue
        # Circles share no coordinate here, so what is left of the promise is the lines' part, over the whole length.
        lines = [i for i, kind in enumerate(kinds) if isinstance(kind, Line)]
        inner = sum(kinds[i].size ** 2 * s[i] * t[i] for i in lines)
        errors.append((cosine(d, e) - inner / (length(p) * length(q))) ** 2)
    return sum(errors) / max(1, len(errors))


def loop_size(kinds, batch, drop_clipped):
    ratios = {}
    for _, d, p, amounts in loop_views(kinds, batch, drop_clipped):
        moved = {k.family for k, s in zip(kinds, amounts, strict=True) if length(displacement([k], [s])) > 1e-9}
        if len(moved) == 1:
            ratios.setdefault(moved.pop(), []).append(length(d) / length(p))
    variations = []
    for values in ratios.values():
        mean = sum(values) / len(values)
        variations.append(sum((r - mean) ** 2 for r in values) / len(values) / mean**2)
    return sum(variations) / max(1, len(variations))


TWINS = {"within": loop_within, "across": loop_across, "size": loop_size}
WORLDS = {
    "lines": (PITCH, TIME),
    "circles": (METRE, Circle("hue", 7.5)),
    "line and circle": (PITCH, METRE),
    "follower": (PITCH, METRE, BEAT),
    "cycle": (PITCH, MODE),
    "two cycles": (MODE, Cycle("hue", 6.5, harmonics=(2, 1), weights=(1, 0)), METRE),
    "helix": (PITCH, Circle("chroma", 12, follows="pitch"), TIME),
    "all": ALL,
}


@pytest.mark.parametrize("mixed", [False, True], ids=["one kind", "mixed"])
@pytest.mark.parametrize("drop_clipped", [False, True], ids=["all views", "unclipped"])
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("term", TWINS)
def test_terms_equal_their_loop_twins(term, world, drop_clipped, mixed):
    kinds = WORLDS[world]
    batch = random_batch(kinds, mixed=mixed, seed=len(world))
    loss = SoftFactorization(kinds, **{"within": 0.0, term: 2.0}, drop_clipped=drop_clipped)
    got = loss(**batch)
    expected = TWINS[term](kinds, batch, drop_clipped)
    assert float(getattr(got, term)) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert float(got.total) == pytest.approx(2 * expected, rel=1e-9, abs=1e-12)


def test_float32_loses_little_over_thousands_of_pairs():
    batch = random_batch((PITCH, TIME), anchors=800, views=4)
    loss = SoftFactorization((PITCH, TIME), across=1.0, size=1.0)
    exact = loss(**batch)
    rounded = loss(anchor=batch["anchor"].float(), views=batch["views"].float(), amount=batch["amount"])
    for term in ("within", "across", "size"):
        assert float(getattr(rounded, term)) == pytest.approx(float(getattr(exact, term)), rel=1e-4)


@pytest.mark.parametrize("mixed", [False, True])
def test_weights_that_a_cycle_does_not_give_are_those_of_the_batch(mixed):
    """A code that turns with other powers than even ones keeps the promise of its own."""
    kinds = (PITCH, MODE)
    amounts = random_batch(kinds, anchors=40, views=6, mixed=mixed)["amount"]
    place = torch.tensor([[displacement(kinds, s) for s in row] for row in amounts.tolist()]).double()
    anchor = torch.zeros(40, place.shape[-1]).double()
    loss = SoftFactorization((PITCH, dataclasses.replace(MODE, weights=())), size=1.0)(
        anchor=anchor, views=place, amount=amounts
    )
    assert float(loss.within) < 1e-9
    assert float(loss.size) < 1e-9
    even = SoftFactorization((PITCH, dataclasses.replace(MODE, weights=(1, 1, 1))))
    assert float(even(anchor=anchor, views=place, amount=amounts).within) > 1e-3


def test_an_encoder_that_keeps_the_promise_scores_zero_and_a_mirrored_one_does_not():
    batch = random_batch(ALL, mixed=True)
    place = torch.tensor([[displacement(ALL, s) for s in row] for row in batch["amount"].tolist()]).double()
    loss = SoftFactorization(ALL, across=1.0, size=1.0)
    anchor = torch.zeros(9, place.shape[-1]).double() + 5
    good = loss(anchor=anchor, views=anchor[:, None] + 0.7 * place, amount=batch["amount"])
    for term in (good.within, good.across, good.size):
        assert float(term) == pytest.approx(0, abs=1e-12)
    flipped = place.clone()
    flipped[0] *= -1  # one anchor has its directions the other way round
    bad = loss(anchor=anchor, views=anchor[:, None] + flipped, amount=batch["amount"])
    assert float(bad.within) == pytest.approx(0, abs=1e-12)  # which differences of one anchor cannot show
    assert float(bad.across) > 0.1


def test_the_article_is_the_special_case_of_two_lines_and_two_views():
    generator = torch.Generator().manual_seed(0)
    anchor, views = torch.randn(64, 5, generator=generator), torch.randn(64, 2, 5, generator=generator)
    kind = torch.randint(0, 2, (64, 2), generator=generator)
    amount = torch.randint(1, 5, (64, 2), generator=generator) * (
        1 - 2 * torch.randint(0, 2, (64, 2), generator=generator)
    )
    target = torch.tensor(
        [
            0.0 if a != b else (1.0 if s * t > 0 else -1.0)
            for (a, b), (s, t) in zip(kind.tolist(), amount.tolist(), strict=True)
        ]
    )
    ours = SoftFactorization((PITCH, TIME))(anchor=anchor, views=views, kind=kind, amount=amount).total
    article = triplet_factorization_loss(anchor, views[:, 0], views[:, 1], target)
    by_hand = torch.nn.functional.cosine_similarity(views[:, 0] - anchor, views[:, 1] - anchor)
    assert float(ours) == pytest.approx(float(article), rel=1e-6)
    assert float(article) == pytest.approx(float((by_hand - target).square().mean()), rel=1e-6)


def test_weights_add_up_and_a_term_of_weight_zero_reads_zero():
    batch = random_batch((PITCH, METRE))
    terms = SoftFactorization((PITCH, METRE), within=0.5, across=2.0, size=0.25)(**batch)
    total = 0.5 * terms.within + 2 * terms.across + 0.25 * terms.size
    assert float(terms.total) == pytest.approx(float(total), rel=1e-12)
    only = SoftFactorization((PITCH, METRE))(**batch)
    assert float(only.across) == float(only.size) == 0
    assert float(only.total) == float(only.within) > 0


# --- what is left out, degenerate batches, gradients --------------------------------------------------------------


@pytest.mark.parametrize("idle", [[0.0, 0.0], [0.0, 16.0], [0.0, -32.0]])
def test_views_without_a_shift_are_left_out(idle):
    batch = random_batch((PITCH, METRE), mixed=True)
    batch["amount"][:, 2] = torch.tensor(idle).double()
    loss = SoftFactorization((PITCH, METRE), across=1.0, size=1.0)
    batch["views"].requires_grad_()
    before = loss(**batch)
    (gradient,) = torch.autograd.grad(before.total, batch["views"])
    assert float(gradient[:, 2].abs().max()) == 0 < float(gradient[:, 1].abs().max())
    others = [0, 1, 3, 4]
    without = loss(anchor=batch["anchor"], views=batch["views"][:, others], amount=batch["amount"][:, others])
    assert before.total.item() == pytest.approx(without.total.item(), rel=1e-12)


DEGENERATE = {
    "one view": {"views": 1},
    "one anchor": {"anchors": 1},
    "one anchor, one view": {"anchors": 1, "views": 1},
    "no usable pair": {"amount": 0.0},
    "constant latent": {"scale": 0.0},
    "nearly constant latent": {"scale": 1e-30},
    "huge latent": {"scale": 1e15},
}


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize(
    "kinds",
    [(PITCH,), (METRE,), (PITCH, METRE, BEAT), (PITCH, Cycle("metre", 16))],
    ids=["line", "circle", "three", "cycle"],
)
def test_degenerate_batches_have_finite_terms_and_gradients(case, kinds):
    options = {"anchors": 3, "views": 3, "amount": 2.0, "scale": 1.0} | DEGENERATE[case]
    latents = options["scale"] * torch.randn(options["anchors"], 1 + options["views"], 4)
    latents.requires_grad_()
    amount = torch.full((options["anchors"], options["views"], len(kinds)), options["amount"])
    loss = SoftFactorization(kinds, across=1.0, size=1.0)
    terms = loss(anchor=latents[:, 0], views=latents[:, 1:], amount=amount)
    assert all(math.isfinite(getattr(terms, name).item()) for name in ("total", "within", "across", "size"))
    terms.total.backward()
    assert bool(torch.isfinite(latents.grad).all())
    if case == "no usable pair":
        assert terms.total.item() == float(latents.grad.abs().max()) == 0


def test_weights_of_zero_can_still_go_backward():
    latents = torch.randn(2, 3, 4, requires_grad=True)
    loss = SoftFactorization((PITCH,), within=0.0)
    total = loss(anchor=latents[:, 0], views=latents[:, 1:], amount=torch.ones(2, 2, 1)).total
    total.backward()
    assert total.item() == float(latents.grad.abs().max()) == 0


@pytest.mark.parametrize("floor", [1e-3, 1e-1])
@pytest.mark.parametrize("term", ["within", "across", "size"])
def test_the_floor_bounds_every_gradient(term, floor):
    worst = 0.0
    for exponent in range(20):
        latents = 10.0**-exponent * torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(exponent))
        latents.requires_grad_()
        loss = SoftFactorization((PITCH, TIME), **{"within": 0.0, term: 1.0}, floor=floor)
        kind, amount = torch.tensor([[0, 1, 0], [1, 0, 1]]), torch.tensor([[1, 2, -1], [1, 3, 2]])
        loss(anchor=latents[:, 0], views=latents[:, 1:], kind=kind, amount=amount).total.backward()
        worst = max(worst, float(latents.grad.norm(dim=-1).max()))
    assert worst < 12 / floor
    assert worst > 0.01 / floor  # and small differences do reach it


def test_terms_are_float32_under_bf16_autocast():
    batch = random_batch((PITCH, METRE))
    anchor, views = batch["anchor"].float(), batch["views"].float()
    loss = SoftFactorization((PITCH, METRE), across=1.0, size=1.0)
    plain = loss(anchor=anchor, views=views, amount=batch["amount"])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = loss(anchor=anchor, views=views, amount=batch["amount"])
        triplet = triplet_factorization_loss(anchor, views[:, 0], views[:, 1], torch.ones(9))
    for name in ("total", "within", "across", "size"):
        assert getattr(mixed, name).dtype == torch.float32
        assert torch.equal(getattr(mixed, name), getattr(plain, name))
    assert torch.equal(triplet, triplet_factorization_loss(anchor, views[:, 0], views[:, 1], torch.ones(9)))


def test_bf16_latents_are_subtracted_in_float32():
    anchor, views = (torch.randn(4, *shape, 5).to(torch.bfloat16) for shape in ((), (3,)))
    loss, amount = SoftFactorization((PITCH, TIME), across=1.0, size=1.0), torch.randn(4, 3, 2)
    got = loss(anchor=anchor, views=views, amount=amount).total
    assert got.dtype == torch.float32
    assert torch.equal(got, loss(anchor=anchor.float(), views=views.float(), amount=amount).total)


@settings(max_examples=20)
@given(st.floats(0.05, 20), st.integers(0, 1000))
def test_cosines_do_not_see_scale_or_rotation(scale, seed):
    batch = random_batch((PITCH, METRE), seed=seed)
    loss = SoftFactorization((PITCH, METRE), across=1.0, size=1.0)
    rotation = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q * scale
    turned = {"anchor": batch["anchor"] @ rotation + 3, "views": batch["views"] @ rotation + 3}
    assert float(loss(**batch).total) == pytest.approx(float(loss(**(batch | turned)).total), rel=1e-6)


# --- errors ------------------------------------------------------------------------------------------------------

NAN = float("nan")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"anchor": torch.zeros(3)}, ValueError, r"`anchor` must have shape \(B, D\) with B, D > 0, got \(3,\)"),
        ({"anchor": torch.zeros(0, 4)}, ValueError, r"`anchor` must have shape .* got \(0, 4\)"),
        ({"views": torch.zeros(3, 4)}, ValueError, r"`views` must have shape \(3, V, 4\) .* got \(3, 4\)"),
        ({"views": torch.zeros(2, 2, 4)}, ValueError, r"`views` must have shape \(3, V, 4\) .* got \(2, 2, 4\)"),
        ({"views": torch.zeros(3, 2, 5)}, ValueError, r"`views` must have shape \(3, V, 4\) .* got \(3, 2, 5\)"),
        ({"views": torch.zeros(3, 0, 4)}, ValueError, r"with V > 0 .* got \(3, 0, 4\)"),
        ({"anchor": torch.full((3, 4), NAN)}, ValueError, "`anchor` must be finite, got NaN or infinity"),
        ({"views": torch.full((3, 2, 4), -math.inf)}, ValueError, "`views` must be finite"),
        ({"amount": torch.full((3, 2), NAN)}, ValueError, "`amount` must be finite"),
        ({"amount": torch.zeros(3, 3)}, ValueError, r"`amount` must have shape \(3, 2\), got \(3, 3\)"),
        ({"kind": torch.zeros(3, 2)}, TypeError, "`kind` must hold integers, got torch.float32"),
        ({"kind": torch.zeros(3, 2).bool()}, TypeError, "`kind` must hold integers, got torch.bool"),
        ({"kind": torch.full((3, 2), 2)}, ValueError, r"`kind` must lie in 0..1, got 2..2"),
        ({"kind": torch.full((3, 2), -1)}, ValueError, r"`kind` must lie in 0..1, got -1..-1"),
        ({"kind": None}, ValueError, r"`amount` without `kind` must have shape \(3, 2, 2\), got \(3, 2\)"),
        ({"clipped": None}, ValueError, "`clipped` must be given when drop_clipped=True, got None"),
        ({"clipped": torch.zeros(3, 2)}, TypeError, "`clipped` must hold booleans, got torch.float32"),
        ({"clipped": torch.zeros(3, 1).bool()}, ValueError, r"`clipped` must have shape \(3, 2\), got \(3, 1\)"),
    ],
)
def test_forward_errors(change, error, message):
    batch = {
        "anchor": torch.zeros(3, 4),
        "views": torch.ones(3, 2, 4),
        "kind": torch.zeros(3, 2, dtype=torch.long),
        "amount": torch.ones(3, 2),
        "clipped": torch.zeros(3, 2, dtype=torch.bool),
    }
    loss = SoftFactorization((PITCH, TIME), drop_clipped=True)
    loss(**batch)
    with pytest.raises(error, match=message):
        loss(**(batch | change))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"within": -1}, "`within` must be finite and >= 0, got -1"),
        ({"across": math.inf}, "`across` must be finite and >= 0, got inf"),
        ({"size": NAN}, "`size` must be finite and >= 0, got nan"),
        ({"floor": 0}, "`floor` must be positive and finite, got 0"),
    ],
)
def test_option_errors(options, message):
    with pytest.raises(ValueError, match=message):
        SoftFactorization((PITCH,), **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"view2": torch.zeros(3, 5)}, r"`view1` and `view2` must have one shape, got \(3, 4\) and \(3, 5\)"),
        ({"anchor": torch.zeros(2, 4)}, r"`view1` must have the shape of `anchor`, \(2, 4\), got \(3, 4\)"),
        ({"target": torch.zeros(3, 1)}, r"`target` must have shape \(3,\), got \(3, 1\)"),
        ({"view1": torch.full((3, 4), NAN)}, "`views` must be finite"),
        ({"floor": -1.0}, "`floor` must be positive and finite, got -1.0"),
    ],
)
def test_triplet_errors(change, message):
    arguments = {name: torch.zeros(3, 4) for name in ("anchor", "view1", "view2")} | {"target": torch.zeros(3)}
    with pytest.raises(ValueError, match=message):
        triplet_factorization_loss(**(arguments | change))


def test_large_finite_latents_are_not_taken_for_infinite():
    big = torch.full((4, 3), 3e38)
    loss = SoftFactorization((PITCH,))
    assert math.isfinite(float(loss(anchor=big, views=big[:, None], amount=torch.ones(4, 1, 1)).total))
