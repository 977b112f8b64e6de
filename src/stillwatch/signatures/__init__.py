"""Exchanges in, signatures out: fixed-size keyed digests, no text."""

from stillwatch.signatures import wording
from stillwatch.signatures.build import accounts, sign
from stillwatch.signatures.marking import mark
from stillwatch.signatures.shared import Epoch, settings_table, shared_tables
from stillwatch.signatures.taking import taken_over

__all__ = ["Epoch", "accounts", "mark", "settings_table", "shared_tables", "sign", "taken_over", "wording"]
