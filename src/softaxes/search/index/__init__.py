"""A corpus of MIDI files as codes on disk that many may read while one writes; see `softaxes.motifs` for the codes.

In reading order:
clips                        a song cut at every beat into short excerpts in silence
store                        segments, manifest, lock: what the files are and when they change
build                        encode what is new or changed, forget what is gone
exact, faiss_search, qdrant_search    three ways to the nearest codes, one signature
"""
