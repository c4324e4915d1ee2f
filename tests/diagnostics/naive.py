"""Slow twins: loops that anyone believes. They share no code with softaxes.diagnostics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def length(v: Array) -> float:
    return math.sqrt(sum(float(x) ** 2 for x in v))


def cosine(a: Array, b: Array) -> float:
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True)) / (length(a) * length(b))


def pair_cosines(anchor: Array, views: Array, kind: Array, amount: Array) -> dict[str, list[float]]:
    """Of lines: cosines by relation."""
    found: dict[str, list[float]] = {"cross": [], "same": [], "opposite": []}
    for b in range(len(anchor)):
        for i in range(views.shape[1]):
            for j in range(i + 1, views.shape[1]):
                value = cosine(views[b, i] - anchor[b], views[b, j] - anchor[b])
                if kind[b, i] != kind[b, j]:
                    found["cross"].append(abs(value))
                elif amount[b, i] * amount[b, j] > 0:
                    found["same"].append(value)
                else:
                    found["opposite"].append(value)
    return found


def agreement(differences: list[Array], signs: list[float], groups: list[int]) -> float:
    """Mean cosine of each signed unit difference with the mean of those of all other groups."""
    units = [s * d / length(d) for d, s in zip(differences, signs, strict=True)]
    values = []
    for i, unit in enumerate(units):
        others = [u for u, g in zip(units, groups, strict=True) if g != groups[i]]
        values.append(cosine(unit, np.sum(others, axis=0)))
    return float(np.mean(values))


def between(differences: list[Array], signs: list[float], groups: list[int]) -> float:
    values = []
    for i in range(len(differences)):
        for j in range(len(differences)):
            if groups[i] != groups[j]:
                values.append(signs[i] * signs[j] * cosine(differences[i], differences[j]))
    return float(np.mean(values))


def additivity(anchor: Array, views: Array, kind: Array, amount: Array) -> list[float]:
    errors = []
    for b in range(len(anchor)):
        d = [view - anchor[b] for view in views[b]]
        for i in range(len(d)):
            for j in range(i + 1, len(d)):
                if kind[b, i] != kind[b, j]:
                    continue
                total = amount[b, i] + amount[b, j]
                wholes = [d[k] for k in range(len(d)) if kind[b, k] == kind[b, i] and amount[b, k] == total]
                if total == 0:
                    wholes.append(np.zeros_like(d[0]))
                for whole in wholes:
                    largest = max(length(d[i]), length(d[j]), length(whole))
                    errors.append(length(d[i] + d[j] - whole) / largest)
    return errors


def size_law(lengths: list[float], sizes: list[float]) -> tuple[float, float, float]:
    """R^2 through the origin, slope of the log-log line, coefficient of variation of the ratio."""
    scale = sum(x * y for x, y in zip(sizes, lengths, strict=True)) / sum(x * x for x in sizes)
    mean = sum(lengths) / len(lengths)
    residual = sum((y - scale * x) ** 2 for x, y in zip(sizes, lengths, strict=True))
    slope = np.polyfit(np.log(sizes), np.log(lengths), 1)[0]
    ratios = [y / x for x, y in zip(sizes, lengths, strict=True)]
    return 1 - residual / sum((y - mean) ** 2 for y in lengths), float(slope), float(np.std(ratios) / np.mean(ratios))


def effective_rank(z: Array) -> float:
    singular = np.linalg.svd(z - z.mean(axis=0), compute_uv=False)
    shares = [s**2 / sum(singular**2) for s in singular]
    return math.exp(-sum(p * math.log(p) for p in shares if p > 0))


def rank(query: Array, gallery: Array, target: int, *, allowed: Array | None = None, worst: bool = True) -> float:
    right = length(query - gallery[target])
    place = 1.0
    for i, candidate in enumerate(gallery):
        if i == target or (allowed is not None and not allowed[i]):
            continue
        distance = length(query - candidate)
        if abs(distance - right) < 1e-9:
            place += 1.0 if worst else 0.5
        elif distance < right:
            place += 1.0
    return place


def own_shift(predicted: Array, anchor: Array, views: Array, kind: Array, amount: Array) -> Array:
    right = np.zeros(kind.shape, dtype=bool)
    for b, v in np.ndindex(kind.shape):
        rivals = [anchor[b]]
        for w in range(kind.shape[1]):
            if kind[b, w] == kind[b, v] and amount[b, w] != amount[b, v]:
                rivals.append(views[b, w])
        to_truth = length(predicted[b, v] - views[b, v])
        right[b, v] = all(to_truth < length(predicted[b, v] - rival) - 1e-12 for rival in rivals)
    return right


def bootstrap_means(values: Array, group: Array, draws: Array) -> list[float]:
    """Means of the rows of the drawn groups, rows repeated as often as their group is drawn."""
    means = []
    for draw in draws:
        rows = np.concatenate([values[group == g] for g in draw])
        means.append(float(rows.mean()))
    return means


def note_matches(true: Array, guess: Array, reach: int) -> int:
    """Largest matching of onsets of one window, (P, T) each, by augmenting paths (Kuhn)."""
    notes, guesses = np.argwhere(true).tolist(), np.argwhere(guess).tolist()
    taken: dict[int, int] = {}

    def place(i: int, seen: set[int]) -> bool:
        for j, (pitch, step) in enumerate(guesses):
            if j not in seen and pitch == notes[i][0] and abs(step - notes[i][1]) <= reach:
                seen.add(j)
                if j not in taken or place(taken[j], seen):
                    taken[j] = i
                    return True
        return False

    return sum(place(i, set()) for i in range(len(notes)))


def best_transposition(edited: Array, source: Array, reach: int) -> list[int]:
    """All transpositions that match (P, T) ``edited`` best by F1."""
    scores = {}
    for shift in range(-reach, reach + 1):
        moved = np.zeros_like(source)
        for p in range(len(source)):
            if 0 <= p + shift < len(source):
                moved[p + shift] = source[p]
        total = moved.sum() + edited.sum()
        scores[shift] = 2 * (moved & edited).sum() / total if total else 0.0
    best = max(scores.values())
    return [shift for shift, score in scores.items() if score > best - 1e-12]
