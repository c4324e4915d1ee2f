"""How is a motif known again when it returns higher, later, varied? Learned similarity on bare arrays.

In reading order:
find                            a piece's motifs, and what is kept at every return
similarity_features, spelling   in how many ways two clips are similar
match_classifier                are two clips returns of one motif? the learned weights of these
clip_code, context              a clip's code without register and place; returns of returns
lines, repeats, returns         stretches of a texture's lines that come back, exactly or varied
candidate_features              what a candidate is like, and which others agree with it
hybrid                          candidates of SIATEC-C and of repeated melodies, merged and ranked by what was learned

Nothing is imported here: ``from softaxes.motifs.find import find_motifs``. Some need the ``patterns`` extra (numba).
"""
