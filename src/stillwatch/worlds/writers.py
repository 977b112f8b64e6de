"""The writers: chat of an account's own, one template over a pool or over own content, and fixed texts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.worlds.cast import People
from stillwatch.worlds.grammar import Context, Grammar
from stillwatch.worlds.hashing import U64, below, mix, unit
from stillwatch.worlds.lexicon import LANGUAGES, TOPICS
from stillwatch.worlds.writing import Rows, Writer, Written

I64 = npt.NDArray[np.int64]

OWN_TOPICS = 3  # topics an account keeps to
OWN_NAMES = 8  # people, projects and code bases it mentions
# Shares of an account's own, of widely known and of once-only names, set so that the persistence ratio of ordinary accounts is
# near that of real conversations dealt to accounts: 50 to 200, over words of at most 0.5 % of accounts.
OWN_NAME_SHARE = 0.2
KNOWN_NAME_SHARE = 0.55
PUBLIC_NAMES = 3_000
OWN_SYSTEM_SHARE = 0.15  # ordinary accounts with a system prompt of their own
_LANGUAGE_EDGES = np.cumsum([language.share for language in LANGUAGES])


def language_of(seed: U64) -> I64:
    """The language of an account, campaign or template: one law for all."""
    return np.minimum(np.searchsorted(_LANGUAGE_EDGES, unit(mix(seed, 11)), "right"), len(LANGUAGES) - 1).astype(np.int64)


def own_context(seed: U64, conversation: U64) -> Context:
    """What an account with this seed talks about in this conversation."""
    topic = below(mix(seed, 21, below(mix(conversation, 22), OWN_TOPICS)), len(TOPICS))
    return Context(language_of(seed), topic, _name(seed, conversation, 24), _name(seed, conversation, 25))


def _name(seed: U64, conversation: U64, which: int) -> U64:
    """A name of the account's own, of this conversation only, or one that many know; the law of the last is Zipf's."""
    u, own = unit(mix(conversation, which)), mix(seed, 23, below(mix(conversation, which, 1), OWN_NAMES))
    known = np.floor(PUBLIC_NAMES ** unit(mix(conversation, which, 2))).astype(np.int64)
    once = mix(conversation, which, 3)
    return np.where(u < OWN_NAME_SHARE, own, np.where(u < OWN_NAME_SHARE + KNOWN_NAME_SHARE, mix(26, known), once))


def account_seed(people: People, rows: Rows) -> U64:
    """The seed that decides what a row is about; accounts that resell to many customers change it with the conversation."""
    own = people.context[rows.account]
    return np.where(people.one_customer[rows.account], own, mix(own, rows.conversation))


def sentences(seed: U64, mean: float) -> I64:
    """Geometric numbers of sentences, 1 to 12."""
    u = np.maximum(unit(mix(seed, 31)), 1e-12)
    return np.clip(np.ceil(np.log(u) / np.log1p(-1.0 / max(mean, 1.0001))), 1, 12).astype(np.int64)


def nothing(n: int) -> pa.Array:
    """`n` null strings."""
    return pa.nulls(n, pa.string())


@dataclass(frozen=True)
class Chat:
    """Own content in own words: what most accounts send, and what cover is made of."""

    mean_sentences: float = 2.2

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """Newest turns, and the system prompt of the accounts that have one."""
        seed = account_seed(people, rows)
        prompt = grammar.write("ask", own_context(seed, rows.conversation), rows.item, sentences(rows.item, self.mean_sentences))
        return Written(prompt, own_system(grammar, seed))


def own_system(grammar: Grammar, seed: U64) -> pa.Array:
    """System prompts of single accounts: null for most, always the same for one account."""
    has = unit(mix(seed, 41)) < OWN_SYSTEM_SHARE
    at = np.flatnonzero(has)
    known, back = np.unique(seed[at], return_inverse=True)
    place = np.full(len(seed), -1)
    place[at] = back
    texts = rules(grammar, mix(known, 42), 4.0)
    return texts.take(pa.array(place, mask=~has))


def rules(grammar: Grammar, seed: U64, mean: float, language: I64 | None = None) -> pa.Array:
    """System prompts and template heads, one a seed: instructions to a model."""
    context = own_context(seed, seed)
    if language is not None:
        context = Context(language, context.topic, context.first, context.second)
    return grammar.write("rule", context, mix(seed, 43), 1 + sentences(mix(seed, 44), mean))


@dataclass(frozen=True)
class Framed:
    """
    One of a bank of templates around what another writer writes.

    Args:
        heads: The bank, one string a template; which one is a function of the item.
        body: Writes what the template is put around.
        in_system: The template is sent as system prompt; else it stands before the body.
        tools: Place in TOOL_SETS, or -1.
    """

    heads: pa.Array
    body: Writer
    in_system: bool = False
    tools: int = -1

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """Template and body of each row."""
        inner = self.body.write(grammar, people, rows)
        head = self.heads.take(pa.array(below(mix(rows.item, 52), len(self.heads))))
        offered = np.full(len(head), self.tools)
        if self.in_system:
            return Written(inner.prompt, head, tools=offered)
        return Written(pc.binary_join_element_wise(head, inner.prompt, "\n\n"), nothing(len(head)), tools=offered)


@dataclass(frozen=True)
class Gateway:
    """Own content of the end users behind one key; the low 24 bits of an item name the end user."""

    mean_sentences: float = 2.2

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """Newest turns, each about its end user's business."""
        user = rows.item & np.uint64(0xFFFFFF)
        seed = mix(people.context[rows.account], 91, user)
        context = own_context(seed, rows.conversation)
        prompt = grammar.write("ask", context, rows.item, sentences(rows.item, self.mean_sentences))
        return Written(prompt, own_system(grammar, people.context[rows.account]), end_user=seed)


@dataclass(frozen=True)
class Assignment:
    """
    Questions on shared assignments: the text itself, or with the asker's own words after it, or only the asker's own words.

    Args:
        texts: The assignments; bits 56 to 63 of an item choose one.
        own: Writes the asker's own words.
        copied, amended: Shares of the first and second way.
    """

    texts: pa.Array
    own: Writer
    copied: float = 0.4
    amended: float = 0.4

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """One question a row."""
        n = len(rows.item)
        base = self.texts.take(pa.array((rows.item >> np.uint64(56)).astype(np.int64)))
        bare = Rows(rows.account, rows.item & np.uint64(0xFFFFFFFFFFFFFF), rows.conversation, rows.turn)
        own = self.own.write(grammar, people, bare).prompt
        way = unit(mix(rows.item, rows.conversation, 53))
        both = pc.binary_join_element_wise(base, own, " ")
        prompt = pc.if_else(pa.array(way < self.copied), base, pc.if_else(pa.array(way < self.copied + self.amended), both, own))
        return Written(prompt, nothing(n))


@dataclass(frozen=True)
class Bare:
    """Items of a pool with nothing around them."""

    family: str = "task"
    language: int | None = None
    mean_sentences: float = 2.0

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """The items themselves."""
        about = own_context(mix(rows.item, 51), rows.item)
        language = about.language if self.language is None else np.full(len(rows.item), self.language)
        context = Context(language, about.topic, about.first, about.second)
        # two sentences at least: the texts of a pool must all differ, and one sentence alone has too few ways to
        prompt = grammar.write(self.family, context, rows.item, 1 + sentences(rows.item, self.mean_sentences))
        return Written(prompt, nothing(len(rows.item)))


@dataclass(frozen=True)
class Fixed:
    """
    Texts that are there already; an item is a place among them.

    Args:
        prompts: One string a place.
        systems: System prompts, one a place, or None.
        responses: Answers, one a place, or None.
    """

    prompts: pa.Array
    systems: pa.Array | None = None
    responses: pa.Array | None = None

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """The texts at the items' places."""
        at = pa.array(rows.item.astype(np.int64))
        system = nothing(len(rows.item)) if self.systems is None else self.systems.take(at)
        return Written(self.prompts.take(at), system, None if self.responses is None else self.responses.take(at))
