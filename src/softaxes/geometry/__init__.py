"""What kinds of change are there, and how does each move a latent? Pure tensors; every other room may call this one.

In reading order: `kinds` (lines, circles, cycles, and the law of each), `shifts` (labelled views of any batch),
`labels` (amounts, one column a kind, and the checks of latents), `axes` (read, move along, remove), `fit` and `planes`
(axes from labelled latents), `operators` (learned while the encoder learns), `alignment` (the shift between two
latents).
"""
