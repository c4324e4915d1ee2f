"""In how many ways are two clips similar? One number a way, for every pair of two lists of clips.

A motif returns transposed, moved, scaled, shortened, with other notes or another rhythm; no single measure survives all
of it. Each feature here ignores position and register and forgives something else; ``FEATURES`` names them in order.
Their weights are learned (``match_classifier``), never set here.

Conventions: a clip is ``Notes``; its distinct points by onset, then pitch. Diatonic pitch is the spelling where the
clip has one, else a guess from the notes (``spelling``). All features lie in [0, 1], 1 =
equal under what is ignored, and are symmetric but for ties between best shifts, unless they say otherwise.
"/ longer" and "/ shorter" divide by the larger and the smaller note count.

translation  notes that one translation in time and pitch makes coincide (chromatic, diatonic), / longer and / shorter
soft         the same with diatonic pitches that nearly fit: exp(-|residual|), the median transposition taken out
rhythm       onsets that one translation in time makes coincide, / longer and / shorter
scaled       translation and rhythm after halving or doubling one clip's time
edit         1 - edit distance / longer, of: chromatic, diatonic steps; contour; onset gaps; gap ratios; step and gap
local        best local alignment of soft steps and gaps, of either alone, / shorter and / longer
head, tail   equal diatonic steps, equal gaps, both, counted from the first note on (or the last back), / shorter
octaves      translation where octaves count as equal, / longer and / shorter
loose        notes with a partner within a quarter of a beat and at one transposition (diatonic; octaves equal), / both
             clips' notes and / shorter
skeleton     edit and local alignment of the first notes of every beat
sizes        log2 of the smaller and larger note count and span (in sixteenths), / 8;
             ratios of note counts, spans, ambitus, notes per beat, mean durations, share of chords
profile      cosines of histograms: steps, gaps, pitch classes (best rotation)
beat         1 where the best translation in time is a whole number of beats; of 2, 3, 4 beats
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT
from softaxes.motifs.spelling import guess_morphetic

FEATURES = (
    "translation chromatic / longer", "translation chromatic / shorter",
    "translation diatonic / longer", "translation diatonic / shorter",
    "soft / longer", "soft / shorter", "contour at soft",
    "rhythm / longer", "rhythm / shorter",
    "scaled translation / longer", "scaled translation / shorter", "scaled rhythm / longer",
    "edit chromatic", "edit diatonic", "edit contour", "edit gaps", "edit gap ratios", "edit step and gap",
    "local / longer", "local / shorter",
    "head steps", "head gaps", "head both", "tail steps", "tail gaps", "tail both",
    "note counts", "spans", "ambitus", "notes per beat", "durations", "chords",
    "step profile", "gap profile", "pitch classes",
    "beat 1", "beat 2", "beat 3", "beat 4",
    "octaves / longer", "octaves / shorter",
    "loose / both", "loose / shorter", "loose octaves / both", "loose octaves / shorter",
    "local steps / longer", "local steps / shorter", "local gaps / longer", "local gaps / shorter",
    "skeleton edit", "skeleton local",
    "smaller count", "larger count", "smaller span", "larger span",
)  # fmt: skip
STEP_BINS, GAP_BINS = 15, 12
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Clips:
    """Clips as flat columns; clip k is the slice ``starts[k] : starts[k + 1]``."""

    starts: Integers
    onset: Integers
    chromatic: Integers
    diatonic: Integers
    duration: Integers
    profiles: Floats  # (clips, STEP_BINS + GAP_BINS + 12), each of the three parts of unit length


def flatten(clips: Sequence[Notes]) -> Clips:
    """Distinct points of every clip; ValueError for a clip without notes."""
    columns = [_columns(clip) for clip in clips]
    starts = np.cumsum([0] + [len(c[0]) for c in columns]).astype(np.int64)
    onset, chromatic, diatonic, duration = (
        np.concatenate([np.zeros(0, np.int64), *(c[k] for c in columns)]) for k in range(4)
    )
    profiles = np.array([_profile(*c[:3]) for c in columns]).reshape(len(columns), STEP_BINS + GAP_BINS + 12)
    return Clips(starts, onset, chromatic, diatonic, duration, profiles)


def similarity_features(queries: Sequence[Notes], gallery: Sequence[Notes]) -> Floats:
    """Every feature for every pair, (queries, gallery, len(FEATURES))."""
    first, second = flatten(queries), flatten(gallery)
    return _all_features(
        first.starts, first.onset, first.chromatic, first.diatonic, first.duration, first.profiles,
        second.starts, second.onset, second.chromatic, second.diatonic, second.duration, second.profiles,
        len(FEATURES),
    )  # fmt: skip


def _columns(clip: Notes) -> tuple[Integers, Integers, Integers, Integers]:
    if len(clip) == 0:
        raise ValueError("a clip must have at least one note, got none")
    order = np.lexsort((clip.midi, clip.onset))
    onset, midi = clip.onset[order], clip.midi[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(onset) != 0) | (np.diff(midi) != 0)
    diatonic = guess_morphetic(midi) if clip.morphetic is None else clip.morphetic[order]
    return onset[new], midi[new], diatonic[new], clip.duration[order][new]


def _profile(onset: Integers, midi: Integers, diatonic: Integers) -> Floats:
    half = STEP_BINS // 2
    steps = np.bincount(np.clip(np.diff(diatonic), -half, half) + half, minlength=STEP_BINS)
    gaps = np.diff(np.unique(onset)) / TICKS_PER_BEAT
    octaves = np.rint(2 * np.log2(np.maximum(gaps, 1 / 64))).astype(np.int64)
    lengths = np.bincount(np.clip(octaves + 7, 0, GAP_BINS - 1), minlength=GAP_BINS)
    classes = np.bincount(midi % 12, minlength=12)
    return np.concatenate([part / max(1.0, float(np.linalg.norm(part))) for part in (steps, lengths, classes)])


@compiled
def _best_run(values):  # type: ignore[no-untyped-def]
    """Length and value of the longest run of equal values in a sorted array."""
    best, run, value = 0, 0, 0
    for k in range(len(values)):
        run = run + 1 if k and values[k] == values[k - 1] else 1
        if run > best:
            best, value = run, values[k]
    return best, value


@compiled
def _translation(on_a, pitch_a, on_b, pitch_b, numerator, denominator):  # type: ignore[no-untyped-def]
    """Most pairs of notes with one vector, and the vector's time; a's time is scaled by numerator / denominator."""
    vectors = np.empty(len(on_a) * len(on_b), np.int64)
    at = 0
    for i in range(len(on_a)):
        for j in range(len(on_b)):
            gap = (on_b[j] - on_b[0]) * denominator - (on_a[i] - on_a[0]) * numerator
            vectors[at] = gap * 2048 + (pitch_b[j] - pitch_a[i] + 1024)
            at += 1
    vectors.sort()
    count, vector = _best_run(vectors)
    return count, (vector >> 11) // denominator + on_b[0] - on_a[0]


@compiled
def _time_shifts(on_a, on_b, numerator, denominator):  # type: ignore[no-untyped-def]
    """All differences of distinct onsets, sorted."""
    out = np.empty(len(on_a) * len(on_b), np.int64)
    at = 0
    for i in range(len(on_a)):
        if i and on_a[i] == on_a[i - 1]:
            continue
        for j in range(len(on_b)):
            if j and on_b[j] == on_b[j - 1]:
                continue
            out[at] = (on_b[j] - on_b[0]) * denominator - (on_a[i] - on_a[0]) * numerator
            at += 1
    shifts = out[:at]
    shifts.sort()
    return shifts


@compiled
def _soft(on_a, pitch_a, on_b, pitch_b, shifts, tried):  # type: ignore[no-untyped-def]
    """Best sum of exp(-|residual|) over the most frequent time shifts, and the contour kept by those notes."""
    values = np.empty(len(shifts), np.int64)
    counts = np.zeros(len(shifts), np.int64)
    found = 0
    for k in range(len(shifts)):
        if k == 0 or shifts[k] != shifts[k - 1]:
            values[found] = shifts[k]
            found += 1
        counts[found - 1] += 1
    order = np.argsort(-counts[:found])
    best, kept = 0.0, 0.0
    for o in range(min(tried, found)):
        shift = values[order[o]]
        if counts[order[o]] < best:
            break
        matched_a = np.empty(len(on_a), np.int64)
        moved = np.empty(len(on_a), np.int64)
        m, j = 0, 0
        for i in range(len(on_a)):
            target = on_a[i] - on_a[0] + shift
            while j < len(on_b) and on_b[j] - on_b[0] < target:
                j += 1
            if j < len(on_b) and on_b[j] - on_b[0] == target:
                matched_a[m], moved[m] = pitch_a[i], pitch_b[j] - pitch_a[i]
                m += 1
                j += 1
        if m == 0:
            continue
        middle = np.sort(moved[:m])[m // 2]
        total, same = 0.0, 0.0
        for k in range(m):
            total += np.exp(-abs(moved[k] - middle))
            if k:
                step = matched_a[k] - matched_a[k - 1]
                other = step + moved[k] - moved[k - 1]
                same += np.sign(step) == np.sign(other)
        if total > best:
            best, kept = total, (same / (m - 1) if m > 1 else 1.0)
    return best, kept


@compiled
def _edit(a, b):  # type: ignore[no-untyped-def]
    """1 - edit distance / longer; two empty lists are equal."""
    if len(a) == 0 and len(b) == 0:
        return 1.0
    row = np.arange(len(b) + 1)
    for p in range(len(a)):
        corner, row[0] = row[0], p + 1
        for q in range(len(b)):
            cost = min(row[q + 1] + 1, row[q] + 1, corner + (a[p] != b[q]))
            corner, row[q + 1] = row[q + 1], cost
    return 1 - row[len(b)] / max(len(a), len(b))


@compiled
def _loose(on_a, pitch_a, on_b, pitch_b, modulus):  # type: ignore[no-untyped-def]
    """Most notes of both clips, and of the shorter one, with a partner at one rounded vector; its pitch modulo."""
    n = len(on_a) * len(on_b)
    first, second = np.empty(n, np.int64), np.empty(n, np.int64)
    at = 0
    for i in range(len(on_a)):
        for j in range(len(on_b)):
            gap = (on_b[j] - on_b[0] - on_a[i] + on_a[0] + 120 + (1 << 24)) // 240
            vector = (gap * 256 + (pitch_b[j] - pitch_a[i] + 7 * modulus) % modulus) * 4096
            first[at], second[at] = vector + i, vector + j
            at += 1
    first.sort()
    second.sort()
    return _partners(first, second, len(on_a), len(on_b))


@compiled
def _partners(first, second, size_a, size_b):  # type: ignore[no-untyped-def]
    both, shorter = 0.0, 0.0
    p = q = 0
    while p < len(first):
        vector = first[p] >> 12
        a = b = 0
        while p < len(first) and first[p] >> 12 == vector:
            a += p == 0 or first[p] != first[p - 1]
            p += 1
        while q < len(second) and second[q] >> 12 == vector:
            b += q == 0 or second[q] != second[q - 1]
            q += 1
        both = max(both, (a + b) / (size_a + size_b))
        shorter = max(shorter, (a / size_a if size_a <= size_b else b / size_b))
    return both, shorter


@compiled
def _beat_firsts(onset):  # type: ignore[no-untyped-def]
    """Indices of the first note in every beat."""
    out = np.empty(len(onset), np.int64)
    m = 0
    for k in range(len(onset)):
        if k == 0 or onset[k] // 480 != onset[k - 1] // 480:
            out[m] = k
            m += 1
    return out[:m]


@compiled
def _local(steps_a, gaps_a, steps_b, gaps_b, of_steps, of_gaps):  # type: ignore[no-untyped-def]
    """Best local alignment: +1 for an equal step and gap, less the farther they are, -.6 for a note left out."""
    best = 0.0
    row = np.zeros(len(steps_b) + 1)
    for p in range(len(steps_a)):
        corner = 0.0
        for q in range(len(steps_b)):
            pitch = min(abs(steps_a[p] - steps_b[q]), 4) / 4
            ratio = abs(np.log2((gaps_a[p] + 20.0) / (gaps_b[q] + 20.0)))
            match = corner + 1 - of_steps * pitch - of_gaps * min(ratio, 1.0)
            corner = row[q + 1]
            row[q + 1] = max(0.0, match, row[q + 1] - 0.6, row[q] - 0.6)
            best = max(best, row[q + 1])
    return best


@compiled
def _agreeing(steps_a, gaps_a, steps_b, gaps_b, sign, out, at):  # type: ignore[no-untyped-def]
    """Run of equal steps, of equal gaps, of both, from the head (sign 1) or the tail (-1), / shorter."""
    shorter = min(len(steps_a), len(steps_b))
    for kind in range(3):
        run = 0
        for k in range(shorter):
            p, q = (k, k) if sign > 0 else (len(steps_a) - 1 - k, len(steps_b) - 1 - k)
            if (kind != 1 and steps_a[p] != steps_b[q]) or (kind != 0 and gaps_a[p] != gaps_b[q]):
                break
            run += 1
        out[at + kind] = run / shorter if shorter else 1.0


@compiled
def _ratio(a, b):  # type: ignore[no-untyped-def]
    return 1.0 if a == b else min(a, b) / max(a, b)


@compiled
def _gap_ratios(gaps):  # type: ignore[no-untyped-def]
    """Ratios of neighbouring gaps in classes of a third of an octave."""
    out = np.empty(max(0, len(gaps) - 1), np.int64)
    for k in range(len(out)):
        out[k] = np.int64(np.rint(3 * np.log2((gaps[k + 1] + 1.0) / (gaps[k] + 1.0))))
    return out


@compiled
def _features(on_a, ch_a, di_a, du_a, on_b, ch_b, di_b, du_b, out):  # type: ignore[no-untyped-def]
    longer, shorter = max(len(on_a), len(on_b)), min(len(on_a), len(on_b))
    count, _ = _translation(on_a, ch_a, on_b, ch_b, 1, 1)
    out[0], out[1] = count / longer, count / shorter
    count, best_shift = _translation(on_a, di_a, on_b, di_b, 1, 1)
    out[2], out[3] = count / longer, count / shorter
    shifts = _time_shifts(on_a, on_b, 1, 1)
    soft, kept = _soft(on_a, di_a, on_b, di_b, shifts, 8)
    out[4], out[5], out[6] = soft / longer, soft / shorter, kept
    onsets_a, onsets_b = len(np.unique(on_a)), len(np.unique(on_b))
    count, _ = _best_run(shifts)
    out[7], out[8] = count / max(onsets_a, onsets_b), count / min(onsets_a, onsets_b)
    if shorter > 1 and count > 1:
        for numerator, denominator in ((1, 2), (2, 1)):
            count, _ = _translation(on_a, di_a, on_b, di_b, numerator, denominator)
            out[9], out[10] = max(out[9], count / longer), max(out[10], count / shorter)
            count, _ = _best_run(_time_shifts(on_a, on_b, numerator, denominator))
            out[11] = max(out[11], count / max(onsets_a, onsets_b))
    steps_a, steps_b = np.diff(di_a), np.diff(di_b)
    gaps_a, gaps_b = np.diff(on_a), np.diff(on_b)
    out[12] = _edit(np.diff(ch_a), np.diff(ch_b))
    out[13] = _edit(steps_a, steps_b)
    out[14] = _edit(np.sign(steps_a), np.sign(steps_b))
    out[15] = _edit(gaps_a, gaps_b)
    out[16] = _edit(_gap_ratios(gaps_a), _gap_ratios(gaps_b))
    out[17] = _edit(gaps_a * 256 + steps_a, gaps_b * 256 + steps_b)
    if shorter > 1:
        local = _local(steps_a, gaps_a, steps_b, gaps_b, 1.2, 1.2)
        out[18], out[19] = local / (longer - 1), local / (shorter - 1)
    _agreeing(steps_a, gaps_a, steps_b, gaps_b, 1, out, 20)
    _agreeing(steps_a, gaps_a, steps_b, gaps_b, -1, out, 23)
    span_a, span_b = on_a[-1] - on_a[0], on_b[-1] - on_b[0]
    out[26] = shorter / longer
    out[27] = _ratio(span_a + 240.0, span_b + 240.0)
    out[28] = _ratio(ch_a.max() - ch_a.min() + 1.0, ch_b.max() - ch_b.min() + 1.0)
    out[29] = _ratio(onsets_a / (span_a + 480.0), onsets_b / (span_b + 480.0))
    out[30] = _ratio(du_a.mean() + 20.0, du_b.mean() + 20.0)
    out[31] = 1 - abs(onsets_a / len(on_a) - onsets_b / len(on_b))
    for period in range(1, 5):
        out[34 + period] = best_shift % (480 * period) == 0
    count, _ = _translation(on_a, di_a % 7, on_b, di_b % 7, 1, 1)
    other, _ = _translation(on_a, (di_a - di_a[0]) % 7, on_b, (di_b - di_b[0]) % 7, 1, 1)
    count = max(count, other)
    out[39], out[40] = min(1.0, count / longer), min(1.0, count / shorter)
    out[41], out[42] = _loose(on_a, di_a, on_b, di_b, 128)
    out[43], out[44] = _loose(on_a, di_a, on_b, di_b, 7)
    if shorter > 1:
        local = _local(steps_a, gaps_a, steps_b, gaps_b, 1.8, 0.0)
        out[45], out[46] = local / (longer - 1), local / (shorter - 1)
        local = _local(steps_a, gaps_a, steps_b, gaps_b, 0.0, 1.8)
        out[47], out[48] = local / (longer - 1), local / (shorter - 1)
    bones_a, bones_b = _beat_firsts(on_a), _beat_firsts(on_b)
    steps_a, steps_b = np.diff(di_a[bones_a]), np.diff(di_b[bones_b])
    out[49] = _edit(steps_a, steps_b)
    if min(len(steps_a), len(steps_b)) > 0:
        local = _local(steps_a, np.diff(on_a[bones_a]), steps_b, np.diff(on_b[bones_b]), 1.2, 0.6)
        out[50] = local / max(len(steps_a), len(steps_b))
    out[51], out[52] = np.log2(shorter + 1.0) / 8, np.log2(longer + 1.0) / 8
    out[53] = np.log2(min(span_a, span_b) / 120 + 1.0) / 8
    out[54] = np.log2(max(span_a, span_b) / 120 + 1.0) / 8


@compiled
def _all_features(  # type: ignore[no-untyped-def]
    starts_a, on_a, ch_a, di_a, du_a, profiles_a, starts_b, on_b, ch_b, di_b, du_b, profiles_b, features
):
    out = np.zeros((len(starts_a) - 1, len(starts_b) - 1, features))
    for i in range(out.shape[0]):
        s, e = starts_a[i], starts_a[i + 1]
        for j in range(out.shape[1]):
            f, t = starts_b[j], starts_b[j + 1]
            row = out[i, j]
            _features(on_a[s:e], ch_a[s:e], di_a[s:e], du_a[s:e], on_b[f:t], ch_b[f:t], di_b[f:t], du_b[f:t], row)
            first, second = profiles_a[i], profiles_b[j]
            row[32] = (first[:15] * second[:15]).sum()
            row[33] = (first[15:27] * second[15:27]).sum()
            for k in range(12):
                value = 0.0
                for c in range(12):
                    value += first[27 + c] * second[27 + (c + k) % 12]
                row[34] = max(row[34], value)
    return out
