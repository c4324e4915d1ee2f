"""Slow twins that anyone believes: plain loops over tuples, sets and fractions. They import nothing from softaxes."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, permutations


def minus(a, b):
    return (a[0] - b[0], a[1] - b[1])


def plus(a, b):
    return (a[0] + b[0], a[1] + b[1])


def vec(pattern):
    return tuple(minus(b, a) for a, b in pairwise(pattern))


def mtps(points):
    """{vector: MTP} over forward vectors, ascending."""
    d = sorted(set(points))
    found = {}
    for v in sorted({minus(q, p) for p in d for q in d if q > p}):
        found[v] = [p for p in d if plus(p, v) in d]
    return found


def tec(pattern, points):
    """(first occurrence, translators from it) of a pattern."""
    d = sorted(set(points))
    inside = set(d)
    starts = [p for p in d if all(plus(q, minus(p, pattern[0])) in inside for q in pattern)]
    first = [plus(q, minus(starts[0], pattern[0])) for q in pattern]
    return tuple(first), tuple(minus(s, first[0]) for s in starts)


def tecs_of(patterns, points, min_size):
    seen, result = set(), []
    for pattern in patterns:
        shape = (len(pattern), vec(pattern))
        if len(pattern) >= min_size and shape not in seen:
            seen.add(shape)
            result.append(tec(pattern, points))
    return result


def siatec(points, min_size=2):
    return tecs_of(mtps(points).values(), points, min_size)


def covered(t):
    return {plus(p, v) for p in t[0] for v in t[1]}


def conjugate(t):
    pattern, translators = t
    return tuple(plus(pattern[0], v) for v in translators), tuple(minus(p, pattern[0]) for p in pattern)


def drop_redundant(t):
    pattern, translators = t
    whole = covered(t)
    kept = list(translators)
    for v in reversed(translators[1:]):
        fewer = [w for w in kept if w != v]
        if covered((pattern, fewer)) == whole:
            kept = fewer
    return pattern, tuple(kept)


def ranking_score(t, points, region="box"):
    pattern, translators = t
    xs, ys = [p[0] for p in pattern], [p[1] for p in pattern]
    best = Fraction(0)
    for v in translators:
        low, high = (min(xs) + v[0], min(ys) + v[1]), (max(xs) + v[0], max(ys) + v[1])
        inside = 0
        for p in points:
            in_time = low[0] <= p[0] <= high[0]
            inside += in_time and (region == "segment" or low[1] <= p[1] <= high[1])
        best = max(best, Fraction(len(pattern), inside))
    cover = len(covered(t))
    width, height = max(xs) - min(xs), max(ys) - min(ys)
    ratio = Fraction(cover, len(pattern) + len(translators) - 1)
    return ratio, best, cover, len(pattern), -width, -width * height


def residue(left):
    left = sorted(left)
    return [((left[0],), tuple(minus(p, left[0]) for p in left))] if left else []


def cosiatec(points, region="box"):
    left, output = sorted(set(points)), []
    while left:
        best, value = None, None
        for t in siatec(left):
            for candidate in (drop_redundant(t), drop_redundant(conjugate(t))):
                its = ranking_score(candidate, left, region)
                if its[0] > 1 and (value is None or its > value):
                    best, value = candidate, its
        if best is None:
            break
        output.append(best)
        left = [p for p in left if p not in covered(best)]
    return output + residue(left)


def siateccompress(points, region="box"):
    d = sorted(set(points))
    chosen = []
    for t in siatec(d):
        own, dual = ranking_score(t, d, region), ranking_score(conjugate(t), d, region)
        chosen.append((conjugate(t), dual) if dual > own else (t, own))
    chosen.sort(key=lambda pair: pair[1], reverse=True)
    cover, output = set(), []
    for t, _ in chosen:
        if len(cover) == len(d):
            break
        if len(covered(t) - cover) > len(t[0]) + len(t[1]) - 1:
            output.append(t)
            cover |= covered(t)
    return output + residue(set(d) - cover)


def forth(tecs, points, least_new, overlap):
    """Groups of TECs; weights are doubles here too, because equal fractions may be unequal doubles after rounding."""
    if not tecs:
        return []
    values = [[float(x) for x in ranking_score(t, points, "segment")[:2]] for t in tecs]

    def unit(column):
        low, high = min(column), max(column)
        return [1.0 if low == high else (x - low) / (high - low) for x in column]

    weights = [a * b for a, b in zip(unit([v[0] for v in values]), unit([v[1] for v in values]), strict=True)]
    cover, groups = set(), []
    while True:
        best, best_gain = None, 0
        for t, w in zip(tecs, weights, strict=True):
            new = len(covered(t) - cover)
            if new >= least_new and new * w > best_gain:
                best, best_gain = t, new * w
        if best is None:
            return groups
        cover |= covered(best)
        for group in groups:
            if len(covered(group[0]) & covered(best)) > overlap * len(covered(group[0])):
                group.append(best)
                break
        else:
            groups.append([best])


def trawl(pattern, points, a, b):
    d = sorted(set(points))
    at = [d.index(p) for p in pattern]
    runs, current = [], [0]
    for k in range(1, len(at)):
        if (len(current) + 1) / (at[k] - at[current[0]] + 1) >= a:
            current.append(k)
        else:
            runs.append(current)
            current = [k]
    runs.append(current)
    return [[pattern[k] for k in run] for run in runs if len(run) >= b]


def siact(points, a, b):
    return tecs_of([run for m in mtps(points).values() for run in trawl(m, points, a, b)], points, b)


def siar(points, reach, min_size=2):
    d = sorted(set(points))
    near = {}
    for i, p in enumerate(d):
        for q in d[i + 1 : i + 1 + reach]:
            near.setdefault(minus(q, p), []).append(p)
    inner = Counter(minus(q, p) for m in near.values() for i, p in enumerate(m) for q in m[i + 1 :])
    order = sorted(inner, key=lambda v: (-inner[v], v))
    return tecs_of([[p for p in d if plus(p, v) in d] for v in order], d, min_size)


def siatec_c(points, delta):
    """Björklund's pseudo-code line by line (single-point patterns dropped)."""
    d = sorted(set(points))
    n = len(d)
    after = list(range(1, n + 1))
    upper = [p[0] + delta for p in d]
    cover = [0] * n
    index = {}
    for i in range(n):
        for j in range(i + 1, n):
            if d[j][0] - d[i][0] <= delta:
                index.setdefault(minus(d[j], d[i]), []).append((i, j))
    output = []
    while n and min(after) < n:
        rows = []
        for i in range(n):
            j = after[i]
            while j < n and d[j][0] <= upper[i]:
                rows.append((minus(d[j], d[i]), i, j))
                j += 1
            after[i] = j
            upper[i] += delta
        groups = {}
        for v, i, j in sorted(rows):
            groups.setdefault(v, []).append((i, j))
        pieces = []
        for group in groups.values():
            piece = [group[0]]
            for pair in group[1:]:
                if d[pair[0]][0] - d[piece[-1][0]][0] > delta:
                    pieces.append(piece)
                    piece = []
                piece.append(pair)
            pieces.append(piece)
        pieces.sort(key=len, reverse=True)
        for piece in pieces:
            size = len(piece)
            if size < 2 or not any(cover[i] < size or cover[j] < size for i, j in piece):
                continue
            pattern = [d[i] for i, _ in piece]
            chains = [[t] for t in range(n)]
            for v in vec(pattern):
                steps = dict(index.get(v, []))
                chains = [[*chain, steps[chain[-1]]] for chain in chains if chain[-1] in steps]
            for chain in chains:
                for k in chain:
                    cover[k] = max(cover[k], size)
            first = d[chains[0][0]]
            output.append((tuple(d[k] for k in chains[0]), tuple(minus(d[chain[0]], first) for chain in chains)))
    return output


def matches(pattern, text, delta, gamma):
    result = []
    for s in range(len(text) - len(pattern) + 1):
        gaps = [abs(a - b) for a, b in zip(pattern, text[s:], strict=False)]
        if max(gaps) <= delta and sum(gaps) <= gamma:
            result.append(s)
    return result


def repeats(text, min_length, delta, gamma):
    n = len(text)

    def good(i, j, length):
        if j + length > n or length > j - i:
            return False
        gaps = [abs(text[i + k] - text[j + k]) for k in range(length)]
        return not gaps or (max(gaps) <= delta and sum(gaps) <= gamma)

    result = []
    for distance in range(1, n):
        for i in range(n - distance):
            j = i + distance
            longest = max((k for k in range(n) if good(i, j, k)), default=0)
            inside_earlier = any(good(e, e + distance, k) and e + k >= i + longest for e in range(i) for k in range(n))
            if longest >= min_length and not inside_earlier:
                result.append((i, j, longest))
    return result


def mean_removed_profile(signal, m):
    n = len(signal) - m + 1
    windows = []
    for i in range(n):
        w = signal[i : i + m]
        windows.append([x - sum(w) / m for x in w])
    result = []
    for i in range(n):
        best = float("inf")
        for j in range(n):
            if abs(i - j) * 4 > m + (4 - m % 4) % 4:  # |i - j| > ceil(m / 4)
                best = min(best, sum((a - b) ** 2 for a, b in zip(windows[i], windows[j], strict=True)) ** 0.5)
        result.append(best)
    return result


def haar(signal, scale):
    half = scale // 2
    held = [signal[0]] * half + list(signal) + [signal[-1]] * half
    result = []
    for t in range(len(signal)):
        window = held[t : t + scale]
        result.append((sum(window[:half]) - sum(window[half:])) / scale**0.5)
    return result


def expected_average_precision(scores, relevant):
    """Mean over all orders of the items that agree with the scores."""
    values = []
    for order in permutations(range(len(scores))):
        if any(scores[a] < scores[b] for a, b in pairwise(order)):
            continue
        hits, total = 0, 0.0
        for place, item in enumerate(order, start=1):
            if relevant[item]:
                hits += 1
                total += hits / place
        values.append(total / hits)
    return sum(values) / len(values)


def overlap(a, b):
    counts = Counter(minus(q, p) for p in set(a) for q in set(b))
    return max(counts.values()) / max(len(set(a)), len(set(b)))


def edit_distance(a, b):
    @lru_cache(None)
    def cost(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(cost(i - 1, j) + 1, cost(i, j - 1) + 1, cost(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return cost(len(a), len(b))


def longest_common(a, b):
    @lru_cache(None)
    def length(i, j):
        if i == 0 or j == 0:
            return 0
        if a[i - 1] == b[j - 1]:
            return length(i - 1, j - 1) + 1
        return max(length(i - 1, j), length(i, j - 1))

    return length(len(a), len(b))
