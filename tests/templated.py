"""Signed exchanges of known templates, for tests of what is mined from them."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa
from tests.tables import NOON, a_table

from stillwatch.privacy import Key
from stillwatch.records.tables import EXCHANGES
from stillwatch.signatures import sign

KEY = Key(b"k" * 32)
Sent = tuple[str, str]  # account, prompt


def word(i: int) -> str:
    """A made-up word of six letters."""
    return "".join(chr(97 + (i * 7919 // 26**k) % 26) for k in range(6))


def words(rng: np.random.Generator, n: int) -> str:
    """So many random words."""
    return " ".join(word(int(i)) for i in rng.integers(0, 200_000, n))


def fleet(template: str, n: int, n_accounts: int, seed: int, name: str = "fleet", fill_words: int = 12) -> list[Sent]:
    """A template with random fills for {}, dealt out over accounts."""
    rng = np.random.default_rng(seed)
    return [(f"{name}-{i % n_accounts}", template.format(words(rng, fill_words))) for i in range(n)]


def chats(n: int, n_accounts: int, seed: int, n_words: int = 25) -> list[Sent]:
    """Texts that have nothing in common."""
    rng = np.random.default_rng(seed)
    return [(f"chat-{i % n_accounts}", words(rng, n_words)) for i in range(n)]


def signatures_of(sent: Sequence[Sent], first_row: int = 0) -> pa.Table:
    """The signatures of some exchanges, a second apart."""
    rows = [
        {"exchange_id": f"e{i}", "account_id": account, "prompt": prompt, "seen_at": NOON + timedelta(seconds=i)}
        for i, (account, prompt) in enumerate(sent)
    ]
    return sign(a_table(EXCHANGES, rows).combine_chunks().to_batches()[0], first_row, KEY)
