"""Networks of the blob world: sizes, shapes, what the pool forgets."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from softaxes.data.blobs import blob_images
from softaxes.model.networks.images import FlatEncoder, PixelDecoder, PooledConvEncoder, ResidualEncoder


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_article_s_encoder_has_its_parameters() -> None:
    assert parameters(PooledConvEncoder()) == 61_264


@pytest.mark.parametrize("side", [16, 24])
@pytest.mark.parametrize("network", ["pooled", "flat", "residual"])
def test_images_become_latents(network: str, side: int) -> None:
    encoder = {
        "pooled": lambda: PooledConvEncoder(dim=5),
        "flat": lambda: FlatEncoder(side, 5, width=32),
        "residual": lambda: ResidualEncoder(side, 5, width=32, depth=2),
    }[network]()
    images = blob_images(7, seed=0, margin=(side - 16) // 2)
    z = encoder(images)
    assert z.shape == (7, 5)
    torch.testing.assert_close(encoder(images[3:4]), z[3:4], atol=1e-5, rtol=1e-4)  # rows do not see each other
    z.square().sum().backward()
    unreached = [name for name, p in encoder.named_parameters() if p.grad is None]
    assert unreached == []


def test_depth_and_width_are_what_they_say() -> None:
    assert parameters(FlatEncoder(4, 3, width=8, depth=2)) == (16 * 8 + 8) + (8 * 8 + 8) + (8 * 3 + 3)
    block = 2 * 8 + 2 * (8 * 8 + 8)
    assert parameters(ResidualEncoder(4, 3, width=8, depth=2)) == (16 * 8 + 8) + 2 * block + 2 * 8 + (8 * 3 + 3)


def test_residual_blocks_begin_as_the_identity_up_to_a_constant() -> None:
    encoder = ResidualEncoder(16, 6, width=32, depth=3)
    images = blob_images(5, seed=0)
    moved = encoder.blocks(encoder.stem(images)) - encoder.stem(images)
    torch.testing.assert_close(moved, moved[:1].expand_as(moved))


def test_the_pool_forgets_place_far_from_the_edges() -> None:
    """The same image moved by the whole stride, in a canvas so wide that no convolution sees an edge of it."""
    image = torch.zeros(1, 1, 64, 64)
    image[0, 0, 30:33, 29:31] = 1
    encoder = PooledConvEncoder()
    torch.testing.assert_close(encoder(image), encoder(image.roll(4, dims=2)), atol=1e-6, rtol=1e-5)
    flat = FlatEncoder(64, width=16)
    assert not torch.allclose(flat(image), flat(image.roll(4, dims=2)), atol=1e-3)


def test_decoder_gives_logits_of_an_image() -> None:
    decoder = PixelDecoder(side=12, dim=3, width=16)
    assert decoder(torch.randn(4, 3)).shape == (4, 1, 12, 12)
