"""Hand-made latents whose scores are known: perfect, dead, duplicated, centroid, random, own axes, circles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from softaxes.data import blobs
from softaxes.geometry.kinds import Circle, Cycle, Line

LINES = (Line("pitch"), Line("time"))
CIRCLES = (Line("pitch"), Circle("metre", period=16))
World = dict[str, Any]


def shifts(rng: np.random.Generator, items: int, views: int = 8) -> World:
    """Half of the views of each item shift kind 0, half kind 1, by different amounts from -4..4 except 0."""
    steps = np.array([-4, -3, -2, -1, 1, 2, 3, 4])
    halves = [np.stack([rng.permutation(steps)[: views // 2] for _ in range(items)]) for _ in range(2)]
    kind = np.repeat([[0] * (views // 2) + [1] * (views // 2)], items, axis=0)
    return {"kind": kind, "amount": np.concatenate(halves, axis=1).astype(float)}


def orthogonal(rng: np.random.Generator, dims: int) -> np.ndarray:
    q, r = np.linalg.qr(rng.standard_normal((dims, dims)))
    return q * np.sign(np.diag(r))  # without the signs Q is not uniform


def perfect(rng: np.random.Generator, items: int = 200, dims: int = 12, views: int = 8) -> World:
    """z = position on two orthogonal lines + content in the other dimensions; shifts move along the lines only."""
    labels = shifts(rng, items, views)
    basis = orthogonal(rng, dims)
    anchor = rng.standard_normal((items, dims)) @ basis
    direction = np.stack([0.7 * basis[0], 0.4 * basis[1]])
    zv = anchor[:, None] + labels["amount"][..., None] * direction[labels["kind"]]
    return {"anchor": anchor, "views": zv, **labels, "kinds": LINES}


def dead(rng: np.random.Generator, items: int = 40, dims: int = 6) -> World:
    world = perfect(rng, items, dims)
    return world | {"anchor": np.ones_like(world["anchor"]), "views": np.ones_like(world["views"])}


def duplicated(rng: np.random.Generator, **size: int) -> World:
    """Every coordinate of the perfect world twice."""
    world = perfect(rng, **size)
    return world | {name: np.concatenate([world[name]] * 2, axis=-1) for name in ("anchor", "views")}


def random(rng: np.random.Generator, items: int = 400, dims: int = 16, views: int = 8) -> World:
    """Every image is sent to an independent Gaussian place."""
    zv = rng.standard_normal((items, views, dims))
    return {"anchor": rng.standard_normal((items, dims)), "views": zv, **shifts(rng, items, views), "kinds": LINES}


def own_axes(rng: np.random.Generator, **size: int) -> World:
    """The perfect world, but each image turns its differences by an orthogonal matrix of its own."""
    world = perfect(rng, **size)
    return turn_differences(world, rng)


def turn_differences(world: World, rng: np.random.Generator) -> World:
    anchor, dims = world["anchor"], world["anchor"].shape[1]
    turns = np.stack([orthogonal(rng, dims) for _ in anchor])
    turned = np.einsum("bvd,bde->bve", world["views"] - anchor[:, None], turns)
    return world | {"views": anchor[:, None] + turned}


def circle(rng: np.random.Generator, items: int = 200, dims: int = 10, noise: float = 0.0) -> World:
    """Pitch is a line; metre turns a plane by 2 pi s / 16. All radii are 2, content fills the other dimensions."""
    labels = shifts(rng, items)
    basis = orthogonal(rng, dims)
    start = rng.uniform(0, 2 * np.pi, items)
    content = rng.standard_normal((items, dims)) * (np.arange(dims) > 2)
    register = rng.standard_normal(items)
    metre = np.where(labels["kind"] == 1, labels["amount"], 0.0)
    pitch = np.where(labels["kind"] == 0, labels["amount"], 0.0)

    def latent(register: np.ndarray, phase: np.ndarray, content: np.ndarray) -> np.ndarray:
        axes = np.stack([register, 2 * np.cos(phase), 2 * np.sin(phase)], axis=-1)
        z = (content + np.concatenate([axes, np.zeros((*axes.shape[:-1], dims - 3))], axis=-1)) @ basis
        return z + noise * rng.standard_normal(z.shape)

    anchor = latent(register, start, content)
    phase = start[:, None] + 2 * np.pi * metre / 16
    views = latent(register[:, None] + 0.5 * pitch, phase, content[:, None] + np.zeros((1, 8, 1)))
    return {"anchor": anchor, "views": views, **labels, "kinds": CIRCLES}


def cycle(
    rng: np.random.Generator,
    items: int = 200,
    dims: int = 12,
    noise: float = 0.0,
    radii: tuple[float, ...] = (2, 1, 0.5),
) -> World:
    """Pitch is a line; metre turns planes of harmonics 1, 2, 5 by 2 pi h s / 16; content fills the other dimensions."""
    labels, harmonics = shifts(rng, items), (1, 2, 5)
    basis = orthogonal(rng, dims)
    start = rng.uniform(0, 2 * np.pi, (items, len(harmonics)))
    content, register = rng.standard_normal((items, dims)), rng.standard_normal(items)
    content[:, : 1 + 2 * len(harmonics)] = 0

    def latent(register: np.ndarray, metre: np.ndarray, content: np.ndarray) -> np.ndarray:
        z = content.copy()
        z[..., 0] = register
        for p, (h, radius) in enumerate(zip(harmonics, radii, strict=True)):
            phase = (start[:, p] if metre.ndim == 1 else start[:, [p]]) + 2 * np.pi * h * metre / 16
            z[..., 1 + 2 * p], z[..., 2 + 2 * p] = radius * np.cos(phase), radius * np.sin(phase)
        z = z @ basis
        return z + noise * rng.standard_normal(z.shape)

    metre, pitch = (np.where(labels["kind"] == k, labels["amount"], 0.0) for k in (1, 0))
    views = latent(register[:, None] + 0.5 * pitch, metre, np.repeat(content[:, None], 8, axis=1))
    anchor = latent(register, np.zeros(items), content)
    return {
        "anchor": anchor,
        "views": views,
        **labels,
        "kinds": (Line("pitch"), Cycle("metre", 16, harmonics=harmonics)),
    }


def centroid(items: int, *, margin: int, seed: int = 0) -> World:
    """Blob images seen by a centroid encoder: mean row and mean column of the lit pixels; (0, 0) for a dark image."""
    drawn = blobs.blob_triplets(items, seed=seed, margin=margin)

    def encode(images: torch.Tensor) -> torch.Tensor:
        mass = images.sum((-1, -2)).clamp_min(1e-6)
        place = torch.arange(images.shape[-1], dtype=torch.float32)
        rows, columns = (images * place[:, None]).sum((-1, -2)) / mass, (images * place).sum((-1, -2)) / mass
        return torch.cat([rows, columns], dim=-1)

    latents = {"anchor": encode(drawn.anchor), "views": encode(drawn.views)}
    labels = {"kind": drawn.kind, "amount": drawn.amount, "clipped": drawn.clipped, "kinds": blobs.KINDS}
    return latents | labels


def args(world: World, *names: str) -> World:
    """The four arrays, and the named extras that the world holds."""
    return {name: world[name] for name in ("anchor", "views", "kind", "amount", *names) if name in world}
