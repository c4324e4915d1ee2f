"""Tests of softaxes.motifs.patterns."""
