"""Which networks turn images and piano rolls into latents, and back? Plain torch modules, built by name from a `Part`.

`images` (blobs), `turning` and `plain` (piano rolls, seen in `frames`), `rows` (rolls, pitch by pitch), `decoders`,
`ablations` (what they are compared with), and the `blocks` they share.
"""
