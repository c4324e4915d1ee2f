"""What did a run learn? One page a run: pictures, tables, and every number again in ``metrics.json``.

    toy        report of a run on blobs       article    what was published, and its own protocol
    music      report of a run on music       controls   encoders that learned nothing
    demo       both on one page               tables     figures of ``diagnose`` as rows
    sweep      weight against content         redraw     counts and curves for pages that draw them again
    page       HTML without a request         pictures   arrays to figures, a family a file

Nothing imports this package but the command line and the explorer.
"""
