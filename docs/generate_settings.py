"""
Writes docs/reference/settings.md from settings.py, with the comment in which each default names its source.

Run: python docs/generate_settings.py. A test holds the page against what this gives, and no setting may go without its comment.
"""

import ast
import inspect
import tokenize
from dataclasses import MISSING, fields
from io import StringIO
from pathlib import Path
from typing import Any

from stillwatch import settings

PAGE = Path(__file__).parent / "reference" / "settings.md"
HEAD = """\
# Settings

One TOML file, named with `--config` (`stillwatch.toml`, or the `[tool.stillwatch]` table of a pyproject.toml). The command line
goes before the file, the file before the defaults. An unknown key is an error that names the nearest known one.

```toml
[campaigns]
q = 0.05
entitlements = "entitlements.toml"

[ingest.columns]
account_id = "customer"
```

Sizes of made-up worlds are no settings: see [worlds](worlds.md). This page is written by `docs/generate_settings.py`.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(
        _section(f.name, f.default_factory) for f in fields(settings.Settings) if f.default_factory is not MISSING
    )


def told() -> dict[str, str]:
    """Every setting, `section.name`, with the comment beside its default; empty where there is none."""
    return {f"{section}.{name}": comment for section, kind in _sections() for name, comment in _comments(kind).items()}


def _sections() -> list[tuple[str, Any]]:
    return [(f.name, f.default_factory) for f in fields(settings.Settings) if f.default_factory is not MISSING]


def _section(name: str, kind: Any) -> str:
    comments = _comments(kind)
    rows = [f"| `{f.name}` | {_type(f.type)} | {_default(f)} | {comments[f.name]} |" for f in fields(kind)]
    intro = (kind.__doc__ or "").strip()
    return (
        f"\n## [{name}]\n\n{intro}\n\n| setting | type | default | what, and where the default is from |\n|---|---|---|---|\n"
        + ("\n".join(rows) + "\n")
    )


def _type(kind: Any) -> str:
    return str(getattr(kind, "__name__", None) or kind).replace("pathlib._local.", "").replace("pathlib.", "").replace("|", "or")


def _default(field: Any) -> str:
    value = field.default if field.default is not MISSING else field.default_factory()
    if value is None:
        return "not set"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f"`{value}`" if value != {} else "empty"


def _comments(kind: Any) -> dict[str, str]:
    """Comments that stand on the lines of each field of a dataclass."""
    source = inspect.getsource(kind)
    lines: dict[int, str] = {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    (body,) = ast.parse(source).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for part in body.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            beside = [lines[at] for at in range(part.lineno, (part.end_lineno or part.lineno) + 1) if at in lines]
            found[part.target.id] = " ".join(beside).replace("|", "\\|")
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
