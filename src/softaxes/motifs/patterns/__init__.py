"""Which patterns repeat in a piece? Classic point-set and sequence algorithms on bare arrays, their data and scores.

In reading order:
pointset, ranking        exact points, TECs, and when one says more than another
sia, siatec              maximal repeated patterns, and all their occurrences
cosiatec, siateccompress, forth, trawler, siatec_c    the few that describe, cover, stay compact, or have no long gaps
delta_gamma, matrix_profile, wavelets, ngrams         one voice: approximate repeats, windows, segments, runs
ngram_prediction         do combined n-grams carry what pitch and rhythm n-grams lose?
notes, csv_files, bps_motif, jku_pdd, phrases         note lists and the annotated data
similarities, retrieval_scores, discovery_scores, evaluate    how similar, how well found, all methods in one table
_compiled, _lattice, tecs                             the inner loops, and many TECs in flat arrays

Nothing is imported here: ``from softaxes.motifs.patterns.siatec_c import siatec_c``. Needs the ``patterns`` extra.
"""
