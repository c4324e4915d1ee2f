"""What does an encoder learn from labelled shifts? One loss a file, each a function of bare tensors.

`factorization` is the idea: read it first; `harmonics` measures what its law of a cycle needs. Beside them:
`prediction` (shifts that can be predicted), `notes` (latents that can be decoded), `lejepa`, `sigreg` and `variance`
(what keeps a latent from collapsing). `_ranks` makes sums exact over several processes. Calls only `softaxes.geometry`;
training tasks and diagnostics call it.
"""
