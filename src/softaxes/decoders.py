"""Which networks turn a latent back into a picture or a piano roll?

Plain ``nn.Module``s: latents (B, dim) in, *logits* out, of the shape that the encoder takes.
"""

from __future__ import annotations
