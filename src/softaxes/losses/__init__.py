"""What does an encoder learn from labelled shifts? One loss a file, each a function of bare tensors.

`factorization` is the idea: read it first. Beside it: `prediction` (shifts that can be predicted), `notes` (latents
that can be decoded), `lejepa`, `sigreg` and `variance` (what keeps a latent from collapsing). `_ranks` makes sums exact
over several processes. Calls only `softaxes.geometry`; training tasks call it.
"""
