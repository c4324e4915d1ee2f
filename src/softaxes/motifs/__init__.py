"""Where does a motif return, and what has become of it? Learned codes and learned mixtures on bare arrays.

find                            a piece's motifs, and what is kept at every return
likeness, spelling, mix         in how many ways two clips are alike, and their learned weights
clip_code, context              a code without register and place; returns of returns
lines, candidates, returns      stretches of a texture's lines that come back, exactly or varied
hybrid                          SIATEC-C candidates, merged and ranked by what was learned

Nothing is imported here: ``from softaxes.motifs.find import find_motifs``. Needs the ``patterns`` extra (numba).
"""
