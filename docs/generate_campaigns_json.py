"""
Writes docs/reference/campaigns-json.md and the published schema from the records: python docs/generate_campaigns_json.py

Tests hold both against what this gives, so that no field can go undocumented.
"""

import types
import typing
from dataclasses import is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from stillwatch.records import campaign, fields
from stillwatch.records.fields import Told

SCHEMA = Path(campaign.__file__).with_name(campaign.SCHEMA_FILE)
PAGE = Path(__file__).parent / "reference" / "campaigns-json.md"
HEAD = """\
# campaigns.json

What `stillwatch scan LOGS... --out DIR` found, as one JSON document (schema version {version}). `stillwatch schema` prints its
JSON Schema (draft 2020-12), which the package also holds as `stillwatch/records/campaigns.schema.json`. In Python:

```python
from pathlib import Path
from stillwatch.records.campaign import Document

document = Document.from_json(Path("DIR/campaigns.json").read_bytes())
```

- The same log, settings and key give the same bytes. Keys are sorted, floats have nine significant digits.
- Times are UTC, `2026-11-03T07:00:00.000000Z`. A window is half-open: its end is outside it.
- Bits are log2 of a likelihood ratio: +10 bits are odds of about 1,000 to 1. A share is a number from 0 to 1.
- A reader of version 1 reads every 1.x: new minor versions only add fields. A changed meaning is a new major version.
- `score_bits` is `base_bits` plus the weights of all evidence with `counted: true`; no other document can be written.
- Strings of models, names and wording come from whoever sent the requests. Escape them.

The accounts of each campaign are in `accounts.parquet`, the exchanges in `exchanges.parquet`.
"""
PLAIN = {int: "integer", float: "number", str: "string", bool: "boolean", datetime: "time"}


def page() -> str:
    """The whole page."""
    parts = [HEAD.format(version=campaign.SCHEMA_VERSION)]
    for kind in _records(campaign.Document, []):
        told = (kind.__doc__ or "").strip().splitlines()[0]
        rows = [f"| `{name}` | {_type(hint)} | {_meaning(t)} |" for name, (hint, t) in fields.hints(kind).items()]
        parts.append(f"\n## {kind.__name__}\n\n{told}\n\n| field | type | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "".join(parts)


def _records(kind: Any, found: list[Any]) -> list[Any]:
    """A record and all that it holds, each once, outer ones first."""
    if kind not in found:
        found.append(kind)
        for hint, _ in fields.hints(kind).values():
            for inner in (hint, *typing.get_args(hint)):
                if is_dataclass(inner):
                    _records(inner, found)
    return found


def _type(hint: Any) -> str:
    arguments = typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        return f"{_type(arguments[0])} or null"
    if typing.get_origin(hint) is tuple:
        return f"list of {_type(arguments[0])}"
    return f"[{hint.__name__}](#{hint.__name__.lower()})" if is_dataclass(hint) else PLAIN[hint]


def _meaning(told: Told) -> str:
    words = f" ({', '.join(f'`{w}`' for w in told.words)})" if told.words else ""
    return told.meaning.replace("|", "\\|") + words


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    SCHEMA.write_bytes(orjson.dumps(campaign.json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
