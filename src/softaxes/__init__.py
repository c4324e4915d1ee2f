"""softaxes: teach any encoder named axes by one soft loss on labelled shifts."""

__version__ = "0.1.0"
