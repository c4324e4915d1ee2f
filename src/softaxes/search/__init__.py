"""Where in a corpus does something like this occur? Codes of windows, their index on disk, and what uses it.

In reading order: `codes` (content of a latent, the shift between two), `alignment` (note against note), `index` (codes
on disk, three backends), `query` (search), `clusters`, `vocabulary` (groups of like clips), `stretches`, `phrases`
(are equal phrases found?). Calls songs, model, motifs and data; commands and the explorer call it.
"""
