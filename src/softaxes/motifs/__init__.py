"""How is a motif known again when it returns higher, later, varied? Learned codes and likenesses on bare arrays.

In reading order:
find                            a piece's motifs, and what is kept at every return
likeness, spelling, mix         in how many ways two clips are alike, and their learned weights
clip_code, context              a clip's code without register and place; returns of returns
lines, candidates, returns      stretches of a texture's lines that come back, exactly or varied
traits                          what a proposed motif is like, and which others agree with it
hybrid                          SIATEC-C candidates and repeated melodies, merged and ranked by what was learned

Nothing is imported here: ``from softaxes.motifs.find import find_motifs``. Some need the ``patterns`` extra (numba).
"""
