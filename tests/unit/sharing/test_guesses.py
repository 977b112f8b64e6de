"""
Without the key a guess cannot be confirmed better than by a coin: 2,000 guesses a game, exact binomial.

The game: of two candidates one was shared, and the other was not. The guesser sees what was shared, knows the algorithm and the
epoch's name, computes what he can of both candidates and names the nearer one; where they are equally near, he tosses a coin.
A game that the guesser wins, with the right key or when the key has no effect, must fail this test.
"""

import hashlib
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from stillwatch import signatures
from stillwatch.privacy import Key
from stillwatch.sharing.export import sketch
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.sigma.rule import Rule
from stillwatch.sharing.tokens import group
from stillwatch.sharing.tokens.client import TOKEN_BYTES, normalise
from stillwatch.sharing.tokens.voprf import Voprf
from stillwatch.signatures import Epoch, shared

SEED, GAMES = 5, 2_000
LEAST_P = 1e-3  # two-sided; the games are seeded, so it holds or does not, and never flickers
WORDS = [f"w{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]
SECRET = Key(hashlib.sha256(b"the epoch's key, which the guesser lacks").digest())
WRONG_KEYS = {
    "none": Key(bytes(32)),
    "the epoch's name": Key(b"2026q4".ljust(32, b"\0")),
    "a hash of the name": Key(hashlib.sha256(b"2026q4").digest()),
    "last epoch's": Key(hashlib.sha256(b"the key of 2026q3").digest()),
}
SECRET_SCALAR = 0x1D5B_0C7A_9E21_44F3_8B16_2C90_7AD3_55E1
WRONG_SCALARS = {
    "none": 1,
    "small": 2,
    "the epoch's name": int.from_bytes(hashlib.sha512(b"2026q4").digest(), "little") % group.ORDER,
}

Share = Callable[[list[str]], list[bytes]]


def won(seen: list[bytes], rights: list[bytes], wrongs: list[bytes]) -> int:
    """Games in which the guesser names the right candidate: the one that, as he computes it, agrees more with what he saw."""
    coin = random.Random(SEED + 1)
    wins = 0
    for shown, right, wrong in zip(seen, rights, wrongs, strict=True):
        near, far = nearness(shown, right), nearness(shown, wrong)
        wins += near > far or (near == far and coin.random() < 0.5)
    return wins


def nearness(one: bytes, other: bytes) -> tuple[int, int]:
    """Equal bytes, then equal bits."""
    a, b = np.frombuffer(one, np.uint8), np.frombuffer(other, np.uint8)
    return int((a == b).sum()), int(8 * len(one) - np.unpackbits(a ^ b).sum())


def by_chance(wins: int) -> bool:
    """Is that what a coin gives?"""
    return float(binomtest(wins, GAMES, 0.5).pvalue) >= LEAST_P


def templates(first: int) -> list[str]:
    """Guesses of wording."""
    return [" ".join(random.Random(first + i).sample(WORDS, 40)) for i in range(GAMES)]


def forms(first: int) -> list[str]:
    """Guesses of a contract: two keys of JSON that a script asks for."""
    drawn = (random.Random(first + i).sample(WORDS, 2) for i in range(GAMES))
    return [f'Return JSON {{"{one}": 1, "{two}": ""}} and put it in <{one}></{one}>.' for one, two in drawn]


def people(first: int) -> list[str]:
    """Guesses of an account: addresses that anyone can list."""
    return [f"person{first + i}@example.org" for i in range(GAMES)]


def sketching(key: Key) -> Share:
    """Sketches under a key."""
    return lambda texts: [one or b"" for one in sketch.sketches(texts, Epoch("2026q4", key))]


def contracting(key: Key) -> Share:
    """Contracts under a key."""

    def share(texts: list[str]) -> list[bytes]:
        at = datetime(2026, 9, 1, tzinfo=UTC)
        rows = [{"exchange_id": "x", "account_id": "a", "model": "m", "seen_at": at, "prompt": text} for text in texts]
        _, made = signatures.shared_tables(pa.RecordBatch.from_pylist(rows), 0, Epoch("2026q4", key))
        assert made.num_rows == len(texts)
        return [value.to_bytes(8, "little", signed=True) for value in made["contract"].to_pylist()]

    return share


def tokenising(scalar: int) -> Share:
    """Tokens under a service's private key."""
    voprf = Voprf(group.best())
    return lambda values: [
        voprf.evaluate_known(scalar, f"dx1|acct-email|{normalise('acct-email', value)}".encode())[:TOKEN_BYTES]
        for value in values
    ]


def rules(first: int) -> list[str]:
    """Guesses of a behaviour: settings that anyone can list."""
    return [
        Rule((("max_tokens", first % 10**6 + i), ("temperature", i % 20 / 10)), "model", 86_400, 8).says
        for i in range(1, GAMES + 1)
    ]


def naming(key: Key, kind: str) -> Share:
    """Ids under a member's own key: what stands beside each value, and in a Sigma rule."""
    publisher = Publisher("identity--9e57a589-35fa-49a2-8a68-1a5df1a71103", key)
    return lambda values: [uuid.UUID(publisher.id_of(kind, value).partition("--")[2]).bytes for value in values]


OWN = Key(hashlib.sha256(b"the member's own key, which never leaves").digest())
IDS = (("indicator", templates), ("sigma", rules), ("sighting", people), ("opinion", people), ("grouping", forms))

GAMES_PLAYED = [
    *(
        (f"id of {kind}, key: {name}", candidates, naming(OWN, kind), naming(key, kind))
        for kind, candidates in IDS
        for name, key in WRONG_KEYS.items()
    ),
    *((f"sketch, key: {name}", templates, sketching(SECRET), sketching(key)) for name, key in WRONG_KEYS.items()),
    *((f"contract, key: {name}", forms, contracting(SECRET), contracting(key)) for name, key in WRONG_KEYS.items()),
    *((f"token, key: {name}", people, tokenising(SECRET_SCALAR), tokenising(k)) for name, k in WRONG_SCALARS.items()),
]


@pytest.mark.parametrize(("name", "candidates", "share", "guess"), GAMES_PLAYED, ids=[game[0] for game in GAMES_PLAYED])
def test_a_guess_without_the_key_is_a_coin(name: str, candidates: Callable[[int], list[str]], share: Share, guess: Share) -> None:
    """Whatever key the guesser tries, the right candidate is no nearer than the wrong one."""
    right, wrong = candidates(SEED * 10**6), candidates(SEED * 10**6 + 10**5)

    wins = won(share(right), guess(right), guess(wrong))

    assert by_chance(wins), f"{name}: {wins} of {GAMES} (seed {SEED})"


@pytest.mark.parametrize(
    ("candidates", "share"),
    [
        (templates, sketching(SECRET)),
        (forms, contracting(SECRET)),
        (people, tokenising(SECRET_SCALAR)),
        *((candidates, naming(OWN, kind)) for kind, candidates in IDS),
    ],
    ids=["sketch", "contract", "token", *(f"id of {kind}" for kind, _ in IDS)],
)
def test_with_the_key_every_guess_is_confirmed(candidates: Callable[[int], list[str]], share: Share) -> None:
    """The same game with a leaked key is won every time, and the test says so: what it finds nothing in, it could find."""
    right, wrong = candidates(1), candidates(10**5)

    wins = won(share(right), share(right), share(wrong))

    assert wins == GAMES
    assert not by_chance(wins)


def test_a_key_without_effect_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were every epoch's functions the same, the guesser would win under any key of his own."""
    functions, digest = shared._keys(SECRET), shared._word_digest(SECRET)
    monkeypatch.setattr(shared, "_keys", lambda key: functions)
    monkeypatch.setattr(shared, "_word_digest", lambda key: digest)
    right, wrong = templates(1), templates(10**5)

    assert not by_chance(
        won(sketching(SECRET)(right), sketching(WRONG_KEYS["none"])(right), sketching(WRONG_KEYS["none"])(wrong))
    )


@pytest.mark.parametrize("n_leaking", [150, 200])
def test_a_small_leak_is_found_out(n_leaking: int) -> None:
    """If one guess in ten or thirteen could be confirmed, the exact test would see it in 2,000 games."""
    right, wrong = templates(1), templates(10**5)
    guesses = sketching(WRONG_KEYS["none"])(right)

    leaking = sketching(SECRET)(right[:n_leaking]) + guesses[n_leaking:]

    assert not by_chance(won(sketching(SECRET)(right), leaking, sketching(WRONG_KEYS["none"])(wrong)))
