"""Arrays in, figures out: one file a family of pictures.

    canvas       how every figure looks        galleries   shifted images, triplets
    directions   cosines, PCA, opening angles  curves      loss, trade-off
    spectra      shift grids, unfolded         maps        kernel PCA, UMAP
    operations   shift_sweeps, phase clocks         rolls       piano rolls before and after

A function takes arrays and returns a ``matplotlib.figure.Figure``. None reads a file, knows a model or touches pyplot.
"""
