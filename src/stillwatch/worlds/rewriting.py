"""
A seeded rewriter of English instructions: clauses change places, imperatives become passives or requests, lists are dealt
again, phrases and register change. What is said stays; few runs of five words do.

Why not a language model: a shipped world must be the same bytes on every machine, and cost microseconds a prompt.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.methods.ragged import within
from stillwatch.worlds.cast import People
from stillwatch.worlds.grammar import Grammar, joined
from stillwatch.worlds.hashing import below, mix, tag, unit
from stillwatch.worlds.lexicon import VERBS
from stillwatch.worlds.writing import Rows, Writer, Written

I64 = npt.NDArray[np.int64]

VARIANTS = 12  # rewritings of a sentence that are made; a template of five sentences has 13^5 wordings
MANY_HEADS = 500  # above it a bank's sentences get fewer, for a bank of 4,000 stays below ten seconds
_SENTENCE = re.compile(r"[^.!?\n]*[.!?]+[\"')\]]*|[^.!?\n]+")
_STOPS = (".", "!", "?")
_MORE_VERBS = (
    "give put include mark end close number mention point name print wrap separate repeat set begin reveal keep use return "
    "answer state quote treat refer prefer score rate judge grade assess justify question lay leave do"
)
_IMPERATIVES = frozenset(f"{VERBS} {_MORE_VERBS}".split())
_IRREGULAR = {
    "put": "put",
    "set": "set",
    "split": "split",
    "give": "given",
    "keep": "kept",
    "lay": "laid",
    "leave": "left",
    "write": "written",
    "rewrite": "rewritten",
    "find": "found",
    "choose": "chosen",
    "build": "built",
    "begin": "begun",
    "do": "done",
    "debug": "debugged",
    "plan": "planned",
    "wrap": "wrapped",
    "refer": "referred",
    "prefer": "preferred",
}
_FRAMES = (
    "please {}", "make sure to {}", "your task is to {}", "be certain to {}", "I need you to {}", "you have to {}",
    "remember to {}", "it is essential to {}", "you are expected to {}", "take care to {}",
)  # fmt: skip
_ROLES = (
    "you are {}", "act as {}", "take the role of {}", "imagine you are {}", "behave like {}", "serve as {}",
    "consider yourself {}", "speak as {}", "your role is that of {}",
)  # fmt: skip
_STRESS = (
    "it is {who} that {modal} {verb} {what}", "what {who} {modal} do is {verb} {what}",
    "{who} {modal} in any case {verb} {what}",
    "to {verb} {what} is up to {who}",
)  # fmt: skip
_OPENERS = (
    "note that",
    "as a rule,",
    "keep in mind that",
    "it holds that",
    "remember:",
    "for this task,",
    "be aware that",
    "here,",
)
_PHRASES: tuple[tuple[str, ...], ...] = (
    ("do not", "don't", "never"),
    ("step by step", "one step at a time", "in order, step after step"),
    ("answer", "reply", "response"),
    ("reasoning", "line of thought", "thinking"),
    ("explain", "say", "set out"),
    ("complete", "full", "entire"),
    ("careful", "thorough", "painstaking"),
    ("expert", "specialist", "authority"),
    ("before", "ahead of the moment"),
    ("where", "wherever", "in places where"),
    ("return", "hand back", "output"),
    ("between", "in between"),
    ("includes", "contains"),
    ("about", "concerning", "on the subject of"),
    ("at most", "no more than", "not above"),
    ("missing", "absent", "not there"),
    ("first", "to begin with", "before all else"),
    ("unless", "except when"),
    ("every", "each", "any"),
)


def rewritten(text: str, seed: int) -> str:
    """
    Another wording of a text, sentence by sentence; line breaks and what is not English prose stay.

    >>> rewritten("If R is missing, check the index.", 3) != "If R is missing, check the index."
    True
    """
    out, at = [], 0
    for number, found in enumerate(_SENTENCE.finditer(text)):
        out += [text[at : found.start()], _sentence(found.group(), int(mix(seed, number)[0]))]
        at = found.end()
    return "".join([*out, text[at:]])


def _sentence(sentence: str, seed: int) -> str:
    core = sentence.strip()
    lead, stop = sentence[: len(sentence) - len(sentence.lstrip())], core[len(core.rstrip(".!?")) :]
    body = core.rstrip(".!?")
    if len(body.split()) < 4 or not body.isascii() or core[-1:] not in _STOPS:
        return sentence
    draw = iter(unit(mix(seed, np.arange(40))).tolist())
    body = _listed(body, next(draw))
    for said in (_role, _clauses, _imperative, _modal, _opened):
        changed = said(body, next(draw), next(draw))
        if changed != body:
            body = changed
            break
    for phrases in _PHRASES:
        body = _phrase(body, phrases, next(draw))
    return lead + body[:1].upper() + body[1:] + stop


def _role(body: str, u: float, v: float) -> str:
    for frame in _ROLES:
        opening = frame.format("")
        if body.lower().startswith(opening) and body[len(opening) :].startswith(("a ", "an ", "the ")):
            return _ROLES[int(v * len(_ROLES))].format(body[len(opening) :])
    return body


def _clauses(body: str, u: float, v: float) -> str:
    """A subordinate clause moves to the other end; what is left may become a request."""
    front = re.match(r"^(If|When|Where|Before|After|Unless|Once|Because) ([^,]+), (.+)$", body)
    if front:
        word, clause, main = front.groups()
        return f"{_imperative(_small(main), u, v)} {word.lower()} {clause}"
    back = re.match(r"^([^,]+?) (before|after|unless|if|when|once|because) ([^,]+)$", body)
    if back and u < 0.8:
        main, word, clause = back.groups()
        return f"{word} {clause}, {_imperative(_small(main), u, v)}"
    return body


def _imperative(body: str, u: float, v: float) -> str:
    """A command as a request, or in the passive."""
    always = re.match(r"^(always|never) (\w+) (.+)$", body, re.IGNORECASE)
    if always:
        word, verb, rest = always.groups()
        if word.lower() == "always":
            return (f"you must {verb} {rest} every time", f"without exception, {verb} {rest}")[int(u * 2)]
        return (f"under no circumstances {verb} {rest}", f"at no point may you {verb} {rest}")[int(u * 2)]
    verb, _, rest = body.partition(" ")
    if verb.lower() not in _IMPERATIVES or not rest:
        return body
    if u < 0.35:
        thing = re.match(r"^((?:the|a|an|each|every|all|any|both|your|its) (?:[\w-]+ )?[\w-]+)(.*)$", rest)
        if thing:
            return f"{thing.group(1)} must be {_participle(verb.lower())}{thing.group(2)}"
    return _FRAMES[int(v * len(_FRAMES))].format(f"{verb.lower()} {rest}")


def _modal(body: str, u: float, v: float) -> str:
    """Who must do what, in the passive."""
    found = re.match(r"^((?:The|Our|Your|Only) (?:[\w-]+ )?[\w-]+) (must|may|can|should) (\w+) (.+)$", body)
    if not found or found.group(3) in ("be", "not"):
        return body
    who, modal, verb, what = found.groups()
    if u < 0.5:
        return f"{what} {modal} be {_participle(verb)} by {_small(who)}"
    return _STRESS[int(v * len(_STRESS))].format(who=_small(who), modal=modal, verb=verb, what=what)


def _opened(body: str, u: float, v: float) -> str:
    """A plain statement after an opener."""
    return body if u < 0.2 else f"{_OPENERS[int(v * len(_OPENERS))]} {_small(body)}"


def _listed(body: str, u: float) -> str:
    """The members of a list in another order."""
    found = re.search(r"([\w-]+(?:, [\w-]+)+),? (and|or) ([\w-]+)", body)
    if not found:
        return body
    members = [*found.group(1).split(", "), found.group(3)]
    turn = 1 + int(u * (len(members) - 1))
    members = members[turn:] + members[:turn]
    return f"{body[: found.start()]}{', '.join(members[:-1])} {found.group(2)} {members[-1]}{body[found.end() :]}"


def _phrase(body: str, phrases: tuple[str, ...], u: float) -> str:
    for said in phrases:
        found = re.search(rf"(?<!\w){said}(?!\w)", body, re.IGNORECASE)
        if found:
            return f"{body[: found.start()]}{phrases[int(u * len(phrases))]}{body[found.end() :]}"
    return body


def _participle(verb: str) -> str:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("e"):
        return verb + "d"
    return verb[:-1] + "ied" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "ed"


def _small(text: str) -> str:
    return text if text[:2].isupper() or text.startswith("I ") else text[:1].lower() + text[1:]


@dataclass(frozen=True)
class _Bank:
    """Templates in pieces: piece `first[s] + v` is rewriting v of sentence s, `gaps` what stood behind it."""

    pieces: pa.Array
    first: I64
    ways: I64
    sentences: I64  # of each template
    offsets: I64


@lru_cache(maxsize=8)
def _compiled(heads: tuple[str, ...]) -> _Bank:
    pieces: list[str] = []
    first, ways, counts = [], [], []
    variants = VARIANTS if len(heads) <= MANY_HEADS else VARIANTS // 3
    for head in heads:
        spans = list(_SENTENCE.finditer(head))
        for place, span in enumerate(spans):
            end = spans[place + 1].start() if place + 1 < len(spans) else len(head)
            seeds = mix(tag(span.group()), np.arange(variants)).tolist()
            known = dict.fromkeys([span.group(), *(_sentence(span.group(), s) for s in seeds)])
            before = head[: span.start()] if place == 0 else ""
            first.append(len(pieces))
            ways.append(len(known))
            pieces += [before + said + head[span.end() : end] for said in known]
        counts.append(len(spans))
    sizes = np.array(counts, np.int64)
    return _Bank(
        pa.array(pieces, pa.string()), np.array(first, np.int64), np.array(ways, np.int64), sizes, np.cumsum(sizes) - sizes
    )


@dataclass(frozen=True)
class Rewritten:
    """
    A bank of templates around a body, a share of the requests with the template in other words, each anew.

    Args:
        heads: The bank; which template is a function of the item, as in `Framed`.
        body: Writes what the template is put around.
        share: Of the requests that are rewritten.
        in_system: The template is sent as system prompt.
        tools: Place in TOOL_SETS, or -1.
    """

    heads: pa.Array
    body: Writer
    share: float
    in_system: bool = False
    tools: int = -1

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """Template in its wording, and body."""
        inner = self.body.write(grammar, people, rows)
        which = below(mix(rows.item, 52), len(self.heads))
        bank = _compiled(tuple(self.heads.to_pylist()))
        seed = mix(rows.conversation, rows.item, 58)
        counts = bank.sentences[which]
        row = np.repeat(np.arange(len(which)), counts)
        sentence = bank.offsets[which][row] + within(counts)
        way = below(mix(seed[row], within(counts)), bank.ways[sentence])
        way = np.where(unit(mix(seed, 1))[row] < self.share, way, 0)
        head = joined(bank.pieces, (bank.first[sentence] + way).astype(np.int32), counts)
        offered = np.full(len(which), self.tools)
        if self.in_system:
            return Written(inner.prompt, head, inner.response, offered, inner.end_user)
        whole = pc.binary_join_element_wise(head, inner.prompt, "\n\n")
        return Written(whole, pa.nulls(len(which), pa.string()), inner.response, offered, inner.end_user)


@dataclass(frozen=True)
class Retold:
    """
    What another writer writes, a share of it in other words: where there is no template to rewrite.

    Cost: some 50 µs a rewritten prompt.
    """

    body: Writer
    share: float

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """The body's prompts, each told anew."""
        inner = self.body.write(grammar, people, rows)
        seed = mix(rows.conversation, rows.item, 59)
        chosen = (unit(seed) < self.share).tolist()
        texts = [
            rewritten(text, s) if yes else text
            for text, yes, s in zip(inner.prompt.to_pylist(), chosen, (seed >> np.uint64(1)).tolist(), strict=True)
        ]
        return Written(pa.array(texts, pa.string()), inner.system, inner.response, inner.tools, inner.end_user)
