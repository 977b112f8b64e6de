"""
Writes docs/reference/worlds.md from the parts, their dials and the presets: python docs/generate_worlds.py

A test holds the page against what this gives, so that no kind, dial or preset can go undocumented.
"""

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson

from stillwatch.worlds import LOOK_ALIKES, SHAPES, World, preset, preset_names
from stillwatch.worlds.lexicon import LANGUAGES
from stillwatch.worlds.skins import N_SKINS

PAGE = Path(__file__).parent / "reference" / "worlds.md"
HEAD = """\
# Worlds

`stillwatch simulate` writes a seeded, labelled log: ordinary traffic, traffic that only looks like a campaign, and
campaigns. Nothing in the log says which is which; the truth lies beside it.

```
stillwatch simulate --out DIR                                  # the preset demo, own grammars
stillwatch simulate --out DIR --seed 7 --exchanges 1000000     # larger: chat and frameworks absorb the difference
stillwatch simulate --out DIR --set campaign.cover=0.8         # turn a dial of every campaign
stillwatch simulate --out DIR --preset shapes --set campaign.paraphrase=1 --prevalence 1e-3
stillwatch simulate --out DIR --set app-3.accounts=250 --set world.history=true
stillwatch simulate --out DIR --preset accept --corpus FOLDER --corpus-half A --traces FOLDER
stillwatch simulate --out DIR --preset my-world.toml --format ndjson
```

| file | what |
|---|---|
| `DIR/log/part-*.parquet` (or `.ndjson`) | exchanges, table version 1, sorted by `seen_at` over all parts |
| `DIR/truth/accounts.parquet` | `account_id`, `kind`, `campaign` (null: benign), `org_id`, `part` (which app) |
| `DIR/truth/exchanges.parquet` | `exchange_id`, `account_id`, `campaign`, `harvested`: false for a campaign account's cover |
| `DIR/truth/world.json` | seed, every dial, what text and rhythms were used, versions |

- The same seed, dials, corpus and traces give the same bytes.
- Planted and benign accounts are enrolled by one rule: ids, sign-up hours, networks, clients, settings, tokens, latency and
  the taking up of a new model differ in nothing but what a dial says. A test trains a classifier on all such artefacts and
  requires that it stays at chance (`tests/integration/test_no_tells.py`).
- A licensed distiller and a synthetic-data company are benign by label and harvest all the same: kinds `licensed` and
  `synthetic_data`.
- A plan of compact arrays is sorted first, then text is written chunk by chunk: memory grows by about 100 bytes an
  exchange. Speed and memory: `benchmarks/results/scale.simulate.jsonl`.

## In Python

A world is any mapping of names to parts:

```python
from pathlib import Path

from stillwatch.worlds import World, build
from stillwatch.worlds.look_alikes.app import App
from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.look_alikes.classroom import Classroom

parts = {"people": ChatUsers(accounts=200, exchanges=4_000)}
parts |= {f"app-{i}": App(accounts=20 + 10 * i, exchanges=800) for i in range(3)}
parts |= {f"class-{i}": Classroom() for i in range(2)}
report = build(World("benign groups", parts, days=14.0), seed=1, out=Path("world"))
```

`build(world, seed, out, corpus=None, corpus_half=None, traces=None, form="parquet", observer=None)` returns a `WorldReport`
(`log`, `truth`, `n_exchanges`, `n_accounts`, `n_harvested`, `campaigns`). `preset(name)` and `load(path)` return a World,
`world.sized(exchanges, accounts)` one of another size, `with_dials(world, {"campaign.cover": "0.8"})` one with dials
turned. A part's prompts follow from its name, the seed and its dials, whatever stands beside it (from the shipped grammars;
a corpus is dealt in the order of the parts).

`poisoning(world, steps)` (in `stillwatch.worlds`) gives a run of worlds, one a learning step, in which groups drift from niche
apps to fleets: what an attacker would do to a reference that is learned from recent traffic.

## Text

Without `--corpus` all text comes from shipped grammars in {n_languages} languages ({languages}), the same ones for benign
accounts and campaigns: a vocabulary of several thousand words a language under a Zipf law, topics, names of an account's
own that come back, widely known names, once-only names. English is made of real words; the others have real function words
and made-up content words.

`--corpus FOLDER` takes real text: `prompts/KIND/SOURCE.parquet` with KIND human, automated, harvest and columns `source,
task, system_prompt, prompt, conversation_id, turn, response`, and `system_prompts.parquet` with `source, text`. People's
conversations are dealt whole; those with words in common go to one account. Where more is asked for than there is, a
conversation is dealt again in other words (`times_each_turn_was_dealt` in world.json): rare words become made-up ones,
fairly rare ones trade places; after {n_skins} times the first words come again. Harvested prompts are never dealt twice in
a world; `build` says so when there are too few.

`--corpus-half A` and `B` share no text: conversations and single prompts are halved one by one, automated traffic by task,
harvested prompts with a template by source. What is fitted on one half is reported on the other.

`--traces FOLDER` takes the rhythms of accounts from `clients_rate.parquet` (ServeGen's published client models: `workload,
client, t_seconds, rate_rps, iat_cv`); without it, shipped fits are used.

`answers` is a dial of the world. With `none` (the default) lengths of answers come from one law. With `grammar` all answers
are made up. With `given` they come from the corpus where it has them, and their presence tells sources apart: not for
testing detectors.

## How near to real traffic

The persistence ratio asks whether two requests of one account share rare words more often than two of different accounts; here
over words that at most 0.5 % of accounts use, without template words' discount (`benchmarks/quality/worlds.py`). Real
conversations dealt to accounts stand in for real accounts, of which there are no public logs.

{persistence}
What is not modelled: account take-over, images, an account's business changing over time, and answers that a harvester reads
before it asks on.
"""
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "quality.worlds.jsonl"


def page() -> str:
    """The whole page."""
    parts = [
        _head(),
        "\n## The world\n\n",
        _dials(World),
    ]
    for title, kinds in (("Campaign shapes", SHAPES), ("Benign kinds", LOOK_ALIKES)):
        parts.append(f"\n## {title}\n")
        for kind in kinds:
            parts.append(f"\n### {kind.kind}\n\n{_first(inspect.getmodule(kind))} {_first(kind)}\n\n{_dials(kind)}")  # noqa: PERF401
    parts.append("\n## Presets\n\n| preset | accounts | exchanges | days | campaigns |\n|---|---|---|---|---|\n")
    return "".join([*parts, *(_preset(name) for name in preset_names())])


def _head() -> str:
    told = {"n_languages": str(len(LANGUAGES)), "languages": ", ".join(language.name for language in LANGUAGES)}
    told |= {"n_skins": str(N_SKINS), "persistence": _persistence()}
    text = HEAD
    for name, value in told.items():
        text = text.replace("{" + name + "}", value)
    return text


def _persistence() -> str:
    """The newest results of the benchmark, as a table."""
    newest = {line["world"]: line["ratios"] for line in map(orjson.loads, RESULTS.read_bytes().splitlines())}
    kinds = sorted(set().union(*newest.values()))
    head = f"| traffic | {' | '.join(newest)} |\n|---{'|---' * len(newest)}|\n"
    rows = [[f"{r[k]['ratio']:.3g}" if r.get(k) and r[k]["ratio"] is not None else "" for r in newest.values()] for k in kinds]
    return head + "".join(f"| {k} | {' | '.join(row)} |\n" for k, row in zip(kinds, rows, strict=True))


def _first(thing: Any) -> str:
    """The first paragraph of a docstring, as one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def _dials(kind: Any) -> str:
    told: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        told |= _meanings(base.__dict__.get("__doc__") or "")
    rows = [f"| `{f.name}` | {_default(f)} | {told[f.name]} |" for f in fields(kind) if f.name != "parts"]
    return "| dial | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _default(field: Any) -> str:
    return (
        ""
        if not isinstance(field.default, int | float | str | None)
        else "none"
        if field.default is None
        else f"`{field.default}`"
    )


def _meanings(doc: str) -> dict[str, str]:
    """The Args of a docstring."""
    _, _, args = inspect.cleandoc(doc).partition("Args:\n")
    block = re.split(r"\n\S", args)[0]
    found = re.findall(r"^    ([\w, ]+): (.*(?:\n        .*)*)", block, re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in found for name in names.split(", ")}


def _preset(name: str) -> str:
    world = preset(name)
    planted = [f"{n} ({p.accounts:,} accounts, {p.exchanges:,})" for n, p in world.parts.items() if p.campaign]
    return f"| `{name}` | {world.accounts:,} | {world.exchanges:,} | {world.days:g} | {'; '.join(planted)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
