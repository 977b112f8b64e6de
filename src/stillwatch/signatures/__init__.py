"""Exchanges in, signatures out: fixed-size keyed digests, no text."""
