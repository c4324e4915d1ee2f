"""How is a motif known again when it returns higher, later, varied? Codes without register and place.

In reading order:
code          latents -> content with the axes removed, and the shift read off the axes
alignment     notes against notes: how much of a query returns at a place, exactly
vocabulary    codes grouped into words
phrases       which of a song's phrases are alike, by code, by chroma, by overlap

Arrays and labels only. Nothing is imported here: ``from softaxes.motifs.code import content_codes``.
"""
