"""Seeded labelled logs: one file a campaign shape, one a benign look-alike."""
