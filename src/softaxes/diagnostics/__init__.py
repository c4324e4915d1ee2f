"""Is it factorized, and what did that cost? One question per module, on bare arrays and labels.

    cosines       do differences of one anchor point where their kinds promise?
    global_axis   does a kind have one axis for all images?
    additivity    do shifts add up, and does twice the amount move twice as far?
    spectrum      how many directions are used?
    neighbours    is the right item the nearest one?
    operators     does arithmetic on latents do what the edit does?
    analogies     does the shift of one song carry over to another?
    probes        what can a linear reader get out of songs it has never seen?
    notes         are the right notes there?
    bootstrap     how far could a figure be from its value by chance of the songs?
    properties    what does each figure mean, and what does it not depend on?

``diagnose`` asks all that apply at once. ``labelled`` says what all of them take, ``held_out`` fits axes on other
songs, ``suite`` computes the whole metric suite, ``report`` holds it.
"""

from softaxes.diagnostics.properties import PROPERTIES, Property
from softaxes.diagnostics.report import Figure, Report
from softaxes.diagnostics.suite import diagnose

__all__ = ["PROPERTIES", "Figure", "Property", "Report", "diagnose"]
