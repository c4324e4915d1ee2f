"""See, drag and hear the axes: a local page that needs nothing from outside.

In reading order: `guard` (who may talk to it), `reader` and `library` (songs), `steering` (an edit beside the true
one), `atlas` (the map), `motifs` (what repeats), `blob_world` (the toy), `reports` (what was measured), `app`
(addresses to answers), `pages` and ``static/`` (what the browser gets), `build`, `serve`.
"""
