"""Benign traffic, ordinary and such as resembles a campaign: one file a kind."""
