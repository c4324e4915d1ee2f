"""Tests of softaxes.patterns."""
