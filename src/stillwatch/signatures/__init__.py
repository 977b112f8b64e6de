"""Exchanges in, signatures out: fixed-size keyed digests, no text."""

from stillwatch.signatures import wording
from stillwatch.signatures.build import accounts, sign

__all__ = ["accounts", "sign", "wording"]
