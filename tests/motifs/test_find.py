"""From notes to motifs: planted ones are found, and said to be what they are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from softaxes.motifs.candidate_features import FEATURES, agreement, candidate_features
from softaxes.motifs.find import RELATIONS, find_motifs, relation, transposition
from softaxes.motifs.hybrid import choose, discover, find_candidates, melodies
from softaxes.motifs.lines import lines_of, with_top_voice
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.similarities import combined
from softaxes.motifs.repeats import BLOCK_NOTES, WHOLE_NOTES, exact_repeats
from softaxes.motifs.returns import Place, apart, returns

from .pieces import MOTIF, clip, placed, planted


def classic(queries, gallery):
    """Log-odds of a sort, without weights: 0 at half the classic combined score."""
    return 8 * (combined(queries, gallery) - 0.5)


def test_lines_are_the_top_and_bottom_notes_of_every_staff(rng: np.random.Generator) -> None:
    onset = rng.integers(0, 12, 60) * 120
    midi, staff = rng.integers(40, 90, 60), rng.integers(0, 2, 60)
    lines = lines_of(Notes(onset, midi, onset * 0 + 60, staff=staff))
    expected = []
    for s in (0, 1):
        for best in (max, min):
            times = sorted({t for t, which in zip(onset, staff, strict=True) if which == s})
            expected.append(
                [(t, best(m for a, m, w in zip(onset, midi, staff, strict=True) if (a, w) == (t, s))) for t in times]
            )
    got = [
        list(zip(lines.notes.onset[lines.line == k], lines.notes.midi[lines.line == k], strict=True)) for k in range(4)
    ]
    assert got == expected
    for i, last in enumerate(lines.last_within(240)):
        inside = [j for j in range(len(lines)) if lines.line[j] == lines.line[i]
                  and 0 <= lines.notes.onset[j] - lines.notes.onset[i] <= 240]  # fmt: skip
        assert last == max(inside)


def test_one_voice_is_one_line(rng: np.random.Generator) -> None:
    notes, _ = planted(rng)
    lines = lines_of(notes)
    assert len(lines) == len(notes)
    assert set(lines.line.tolist()) == {0}


def test_candidates_hold_the_planted_motif(rng: np.random.Generator) -> None:
    notes, starts = planted(rng)
    lines = lines_of(notes)
    found = exact_repeats(lines)
    onsets = {
        int(lines.notes.onset[c.first]) for c in found if c.last - c.first == len(MOTIF) - 1 and c.count >= len(starts)
    }
    assert onsets & {onset for onset, _ in starts}
    assert all(c.count > 1 and c.last - c.first >= 2 and 0.75 <= c.share <= 1 for c in found)


def test_long_pieces_are_taken_in_blocks(rng: np.random.Generator) -> None:
    size = WHOLE_NOTES + BLOCK_NOTES + 1
    motif = [(120 * k, int(p)) for k, p in enumerate(rng.integers(0, 12, 7))]
    pitch = rng.integers(40, 90, size)
    for start in range(0, size - 7, 97):
        pitch[start : start + 7] = 60 + np.array([p for _, p in motif])
    lines = lines_of(clip(np.stack([120 * np.arange(size), pitch], axis=1)))
    found = exact_repeats(lines, most=20)
    assert any(c.first % 97 == 0 and c.last - c.first == 6 for c in found)
    assert max(c.last for c in found) < size


def test_returns_are_exact_ones_and_varied_ones(rng: np.random.Generator) -> None:
    notes, _ = planted(rng)
    varied = [(20000 + t, 62 + p + (k == 3)) for k, (t, p) in enumerate(MOTIF)]
    notes = clip([*zip(notes.onset.tolist(), notes.midi.tolist(), strict=True), *varied])
    lines = lines_of(notes)
    places = returns(lines, 0, len(MOTIF) - 1, classic)
    onsets = [int(lines.notes.onset[p.first]) for p in places]
    assert {0, 3840, 7680, 11520, 20000} <= set(onsets)
    assert onsets == sorted(onsets)
    assert all(b.first > a.last for a, b in itertools.pairwise(places))
    certain = returns(lines, 0, len(MOTIF) - 1, classic, least_log_odds=3.9)
    assert 20000 not in [int(lines.notes.onset[p.first]) for p in certain]


def test_places_never_overlap(rng: np.random.Generator) -> None:
    ends = np.minimum(np.arange(30) + 4, 29)
    chosen = apart(rng.permutation(30), ends, 4)
    assert len(chosen) <= 4
    assert all(abs(a - b) > 4 for a in chosen for b in chosen if a != b)


@pytest.mark.parametrize(
    ("points", "kept", "semitones"),
    [
        (placed(5000, 67), "exact", 7),
        ([(0, 62), (240, 65), (480, 69), (600, 67), (720, 65), (960, 74)], "diatonic", 2),  # on the second degree
        ([(t, 55) for t, _ in MOTIF], "rhythm kept", -10),
        ([(200 * k, 60 + p) for k, (_, p) in enumerate(MOTIF)], "contour kept", 0),
        (placed(0, 48)[:4], "varied", -12),
        ([(1, 40), (77, 41), (99, 42), (111, 43), (123, 44), (131, 45)], "varied", -20),
    ],
)
def test_what_is_kept(points: list, kept: str, semitones: int) -> None:
    prototype, other = clip(placed(0, 60)), clip(points)
    steps = {p: s for s, p in enumerate([48, 50, 52, 53, 55, 57, 59, 60, 62, 64, 65, 67, 69, 71, 72, 74])}

    def spelled(c):
        if set(c.midi.tolist()) <= steps.keys():
            return Notes(c.onset, c.midi, c.duration, np.array([steps[p] for p in c.midi.tolist()]))
        return c

    assert kept in RELATIONS
    assert relation(spelled(prototype), spelled(other)) == kept
    assert transposition(prototype, other) == semitones


def test_planted_motif_is_found_with_its_transpositions(rng: np.random.Generator) -> None:
    notes, starts = planted(rng)
    motifs = find_motifs(notes)
    assert motifs
    best = max(motifs, key=lambda m: sum(r.notes.onset[0] in {o for o, _ in starts} for r in m.returns))
    at = {int(r.notes.onset[0]): r for r in best.returns}
    assert {o for o, _ in starts} <= at.keys()
    base = at[starts[0][0]].transposition_semitones
    assert [at[o].transposition_semitones - base for o, _ in starts] == [p - 60 for _, p in starts]
    assert all(at[o].relation == "exact" for o, _ in starts)
    assert len({m.name for m in motifs}) == len(motifs)
    assert all(0 <= r.probability <= 1 for m in motifs for r in m.returns)


def test_nothing_returns_in_an_empty_piece_and_one_note() -> None:
    assert find_motifs(clip([])) == []
    assert find_motifs(clip([(0, 60)])) == []
    assert discover(clip([])) == []
    assert discover(clip([(0, 60)])) == []
    with pytest.raises(ValueError, match="`most` must be >= 1 motif, got 0"):
        find_motifs(clip([]), most=0)
    with pytest.raises(ValueError, match="`least_notes` must be >= 3"):
        find_motifs(clip([]), least_notes=2)


def test_fewer_and_longer_motifs_on_request(rng: np.random.Generator) -> None:
    notes, _ = planted(rng)
    assert len(find_motifs(notes, most=1)) == 1
    assert all(len(m.prototype) >= 6 for m in find_motifs(notes, least_notes=6))


def test_discovered_patterns_are_the_motifs_points(rng: np.random.Generator) -> None:
    notes, _ = planted(rng)
    piece = set(map(tuple, notes.points().tolist()))
    patterns = discover(notes)
    assert patterns
    assert all(set(map(tuple, o.tolist())) <= piece for p in patterns for o in p)
    assert all(len(p) > 1 for p in patterns)


def test_every_trait_is_a_number(rng: np.random.Generator) -> None:
    notes, _ = planted(rng)
    lines, found = find_candidates(lines_of(notes), classic)
    assert {f.melody for f in found} == {True, False}
    features, agreeing = candidate_features(lines, [f.places for f in found], [f.melody for f in found])
    assert features.shape == (len(found), len(FEATURES))
    assert np.isfinite(features).all()
    assert agreeing.shape == (len(found), len(found))
    assert candidate_features(lines, [], [])[0].shape == (0, len(FEATURES))


def test_traits_say_what_they_are_called(rng: np.random.Generator) -> None:
    notes, starts = planted(rng)
    lines = lines_of(notes)
    places = [Place(int(k), int(k) + 5, 8.0) for k in np.searchsorted(notes.onset, [onset for onset, _ in starts])]
    feature = dict(zip(FEATURES, candidate_features(lines, [places, places[:2]], [False, True])[0][0], strict=True))
    assert feature["log count"] == pytest.approx(np.log(4))
    assert feature["log notes"] == pytest.approx(np.log(len(MOTIF)))
    assert feature["log beats"] == pytest.approx(np.log(2.25))
    assert feature["commonest of both"] == 1
    assert feature["kinds of both"] == 0.25
    assert feature["overlapping"] == 0
    assert feature["one place in the beat"] == feature["in 4 beats"] == 1
    assert feature["gap before"] > 0  # the first has the beginning before it
    assert feature["range in octaves"] == 1
    assert feature["repeated notes"] == 0
    assert feature["in the top line"] == 1
    assert feature["near melodies"] == pytest.approx(np.log(2))
    assert feature["near returns"] == 0


def test_agreement_is_what_slow_sets_say(rng: np.random.Generator) -> None:
    notes, _ = planted(rng)
    lines = with_top_voice(lines_of(notes))
    candidates = []
    for size in (3, 5, 8):
        first = np.sort(rng.choice(len(lines) - 8, 4, replace=False))
        candidates.append([Place(int(f), int(f) + size - 1, 0.0) for f in first])
    keys = list(zip(lines.notes.onset.tolist(), lines.notes.midi.tolist(), strict=True))

    def f1(a: set, b: set) -> float:
        return 2 * len(a & b) / (len(a) + len(b))

    def sets(places: list[Place]) -> tuple[set, set, set]:
        covered = {keys[n] for p in places for n in range(p.first, p.last + 1)}
        return covered, {keys[p.first] for p in places}, {keys[p.last] for p in places}

    got = agreement(lines, candidates)
    for i, j in itertools.product(range(3), repeat=2):
        expected = np.mean([f1(a, b) for a, b in zip(sets(candidates[i]), sets(candidates[j]), strict=True)])
        assert got[i, j] == pytest.approx(expected)


def test_a_melody_returns_in_another_rhythm(rng: np.random.Generator) -> None:
    notes, _ = planted(rng, starts=((0, 60),))
    varied = [(9600 + 1080 * k, 65 + p) for k, (_, p) in enumerate(MOTIF)]
    other = clip([*zip(notes.onset.tolist(), notes.midi.tolist(), strict=True), *varied])
    lines = with_top_voice(lines_of(other))
    found = melodies(lines, classic)
    begins = [{int(lines.notes.onset[p.first]) for p in f.places} for f in found]
    assert {0, 9600} in begins
    assert all(f.melody and f.prototype == f.places[0] for f in found)
    assert all(b.first > a.last for f in found for a, b in itertools.pairwise(f.places))
    assert melodies(with_top_voice(lines_of(clip([]))), classic) == []


def test_what_two_lines_share_returns_once(rng: np.random.Generator) -> None:
    """A second voice under a few other notes: the motif is in the top line and in the bottom line."""
    notes, starts = planted(rng)
    points = [*zip(notes.onset.tolist(), notes.midi.tolist(), strict=True), (int(notes.onset[8]), 30)]
    lines = lines_of(clip(sorted(points)))
    assert len(lines) == 2 * len(notes)
    found = find_motifs(clip(sorted(points)))
    assert max(len(motif.returns) for motif in found) >= len(starts)
    for motif in found:
        clips = [back.notes for back in motif.returns]
        assert len({(*c.onset.tolist(), *c.midi.tolist()) for c in clips}) == len(clips) > 1
        assert (*motif.prototype.onset, *motif.prototype.midi) in {(*c.onset, *c.midi) for c in clips}


def test_the_top_voice_stands_behind_the_lines() -> None:
    notes = Notes(
        *(np.array(c) for c in ([0, 0, 480, 480, 960], [60, 72, 65, 40, 50], [480, 480, 480, 480, 960])),
        staff=np.array([1, 0, 0, 1, 1]),
    )
    lines = lines_of(notes)
    whole = with_top_voice(lines)
    assert whole.notes.midi[: len(lines)].tolist() == lines.notes.midi.tolist()
    assert whole.notes.midi[whole.line == whole.line.max()].tolist() == [72, 65, 50]
    assert whole.line.max() == lines.line.max() + 1


def test_what_is_chosen_already_is_worth_less() -> None:
    agreeing = np.array([[1, 1, 0.1, 0], [1, 1, 0.1, 0], [0.1, 0.1, 1, 0], [0, 0, 0, 1]], float)
    assert choose(np.array([0.5, 0.49, 0.3, -0.1]), agreeing, 4) == [0, 2, 1]
    assert choose(np.array([0.5, 0.49, 0.3, -0.1]), agreeing, 2) == [0, 2]
    assert choose(np.array([-0.2, -0.1]), np.eye(2), 4) == [1]
    assert choose(np.zeros(0), np.zeros((0, 0)), 4) == []


def test_a_tune_played_over_and_over_without_a_rest_is_its_motif() -> None:
    tune = np.array([0, 2, 4, 5, 7, 5, 4, 2, 0, 4, 7, 12])
    onset, pitch = 240 * np.arange(72), 60 + np.tile(tune, 6)
    found = find_motifs(Notes(onset, pitch, np.full(72, 240)))
    assert found
    best = found[0]
    assert len(best.prototype) == 12
    gaps = np.diff([back.notes.onset[0] for back in best.returns])
    assert len(best.returns) >= 3 and (gaps % (12 * 240) == 0).all()
    assert {back.relation for back in best.returns} == {"exact"}


def test_a_chosen_motif_is_looked_for_everywhere() -> None:
    """Six hundred notes of an ostinato: every return is told, to the last bar."""
    n = 800
    ostinato = Notes(np.arange(n) * 120, np.array([36, 48, 43, 48])[np.arange(n) % 4], np.full(n, 110))
    best = max(find_motifs(ostinato, most=3, classifier=classic), key=lambda m: len(m.returns))
    assert len(best.returns) * len(best.prototype) > 0.9 * n
    assert max(int(r.notes.onset[-1]) for r in best.returns) > 0.95 * n * 120


def test_lines_that_carry_a_motif_side_by_side_return_once(rng: np.random.Generator) -> None:
    notes, _ = planted(rng)
    fifths = Notes(
        *(
            np.r_[a, b]
            for a, b in ((notes.onset, notes.onset), (notes.midi, notes.midi - 7), (notes.duration, notes.duration))
        )
    )
    for motif in find_motifs(fifths, classifier=classic):
        begins = [int(r.notes.onset[0]) for r in motif.returns]
        assert len(begins) == len(set(begins))


@pytest.mark.parametrize("pitches", [[60], [60, 72], [60, 62, 64]])
@pytest.mark.parametrize("least_notes", [3, 8])
def test_what_comes_round_again_and_again_is_not_nothing(pitches: list[int], least_notes: int) -> None:
    n = 300
    notes = Notes(240 * np.arange(n), np.tile(pitches, n // len(pitches)), np.full(n, 240))
    best = find_motifs(notes, least_notes=least_notes)[0]
    size = len(best.prototype)
    assert least_notes <= size < least_notes + len(pitches)
    assert [back.relation for back in best.returns].count("exact") == n // size
