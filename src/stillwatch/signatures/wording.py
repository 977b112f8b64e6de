"""
What people may see of a recipe: the runs of words that many accounts share, and "…" for everything else.

A run is shown only as a whole that enough distinct accounts have sent, never pieced together from shorter ones: chained
three-word pieces can spell a sentence that a single customer wrote. Numbers, addresses and links are taken out before.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

MAX_WORDS = 120
_MIN_RUN = 3  # words; shorter runs are everybody's idiom and say nothing of a template
_SLOT = "…"
_HIDDEN = (
    (re.compile(r"[a-z][a-z0-9+.-]*://\S+|www\.\S+"), "‹link›"),
    (re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+"), "‹address›"),
    (re.compile(r"\d[\d\s.,:/_-]*\d|\d"), "‹number›"),
)
_WORD = re.compile(r"‹\w+›|[\u0e00-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\u31ff\u3400-\u9fff\uf900-\ufaff]|[^\W_]+")
_QUIET_GAP = re.compile(r"[\s!-/:-@\[-`{-~]{1,4}")

Place = tuple[int, int]  # text, word in it


def sketch(texts: Iterable[tuple[object, str | None, str | None]], min_accounts: int) -> str | None:
    """
    The wording that the accounts of one recipe share.

    Cost: linear in the words of the sample; a few hundred exchanges are plenty.

    Args:
        texts: Account, system prompt and newest turn of a sample of exchanges.
        min_accounts: Distinct accounts that must have sent a run of words before it is shown.

    Returns:
        Shared runs in the order of the text that holds most of them, lower case, slots as "…"; None where no run of
        three words is shared by so many accounts.

    >>> sample = [(i, None, f"Rate the answer of {name} from 1 to 10.") for i, name in enumerate(["ann", "bob", "cyd"])]
    >>> sketch(sample, 3)
    'rate the answer of … from ‹number› to ‹number›'
    """
    sample = list(texts)
    split = [_split(system, prompt) for _, system, prompt in sample]
    words = [[word for word, _ in text] for text in split]
    owners = [account for account, _, _ in sample]
    if len(set(owners)) < min_accounts:
        return None
    starts = _shared_starts(words, owners, min_accounts)
    best: tuple[int, str] | None = None
    for i in _most_covered(words, starts):
        runs = _runs(words[i], words, owners, starts, min_accounts)
        shown = sum(end - start for start, end in runs)
        told = (-shown, _render(split[i], runs))
        if runs and (best is None or told < best):
            best = told
    return best[1] if best else None


def _split(system: str | None, prompt: str | None) -> list[tuple[str, str]]:
    """Words of both texts, each with what stands before it; an empty word keeps the two apart."""
    out: list[tuple[str, str]] = []
    for text in (system, prompt):
        if text is None:
            continue
        out.append(("", ""))
        clean = unicodedata.normalize("NFKC", text).lower()
        for pattern, instead in _HIDDEN:
            clean = pattern.sub(instead, clean)
        end = 0
        for found in _WORD.finditer(clean):
            out.append((found[0], clean[end : found.start()]))
            end = found.end()
    return out


def _shared_starts(words: list[list[str]], owners: list[object], least: int) -> dict[tuple[str, ...], list[Place]]:
    """Where each three-word run stands, of those that enough accounts share."""
    places: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for t, text in enumerate(words):
        for i in range(len(text) - _MIN_RUN + 1):
            run = tuple(text[i : i + _MIN_RUN])
            if "" not in run:
                places[run].append((t, i))
    return {run: found for run, found in places.items() if len({owners[t] for t, _ in found}) >= least}


def _most_covered(words: list[list[str]], starts: dict[tuple[str, ...], list[Place]], tried: int = 8) -> list[int]:
    """The texts that hold most shared runs; equal ones by their words."""
    n_shared = [sum(tuple(text[i : i + _MIN_RUN]) in starts for i in range(len(text))) for text in words]
    return sorted(range(len(words)), key=lambda t: (-n_shared[t], words[t]))[:tried]


def _runs(
    text: list[str], words: list[list[str]], owners: list[object], starts: dict[tuple[str, ...], list[Place]], least: int
) -> list[tuple[int, int]]:
    """Longest runs of `text`, left to right, that enough accounts have sent as a whole."""
    runs, i = [], 0
    while i + _MIN_RUN <= len(text):
        places = starts.get(tuple(text[i : i + _MIN_RUN]))
        if places is None:
            i += 1
            continue
        size = _MIN_RUN
        while i + size < len(text) and text[i + size]:
            longer = [(t, at) for t, at in places if at + size < len(words[t]) and words[t][at + size] == text[i + size]]
            if len({owners[t] for t, _ in longer}) < least:
                break
            places, size = longer, size + 1
        runs.append((i, i + size))
        i += size
    return runs


def _render(text: list[tuple[str, str]], runs: list[tuple[int, int]]) -> str:
    out: list[str] = []
    end, told = 0, 0
    for start, stop in runs:
        if told >= MAX_WORDS:
            break
        stop = min(stop, start + MAX_WORDS - told)
        if out or any(word for word, _ in text[end:start]):
            out.append(f" {_SLOT}" if out else _SLOT)
        for i in range(start, stop):
            gap = re.sub(r"\s+", " ", text[i][1])
            quiet = gap if i > start and (not gap or _QUIET_GAP.fullmatch(gap)) else " "
            out.append((quiet if out else "") + text[i][0])
        end, told = stop, told + stop - start
    if any(word for word, _ in text[end:]):
        out.append(f" {_SLOT}")
    return "".join(out)
