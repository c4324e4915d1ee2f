"""Which networks turn images and piano rolls into latents, and back? Plain torch modules, built by name from a `Part`.

`images` (blobs), `rows` (piano rolls, pitch by pitch), `aligned` (rolls moved to their own register and bar line; its
starting point is `aligned_start`), `decoders`, `ablations` (what they are compared with), and the `blocks` they share.
"""
