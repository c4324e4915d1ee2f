"""Is it factorized, and what did that cost? One question per module, on bare arrays and labels.

    cosines       do differences of one anchor point where their kinds promise?
    global_axis   does a kind have one axis for all images?
    additivity    do shifts add up, and does twice the amount move twice as far?
    spectrum      how many directions are used?
    neighbours    is the right item the nearest one?
    operators     does arithmetic on latents do what the edit does?
    probes        what can a linear reader get out of songs it has never seen?
    bootstrap     how far could a figure be from its value by chance of the songs?
    labelled      what these take: anchors, views, kinds, amounts, groups
"""
