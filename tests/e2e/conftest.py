"""What end-to-end tests share: the command line, and a small log to spoil."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.commands import Here

START = datetime(2026, 9, 1, tzinfo=UTC)
Row = dict[str, Any]


@pytest.fixture
def stillwatch(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    """The command line, in this process, with a home of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Here(capsys, tmp_path / "key")


@pytest.fixture
def rows() -> list[Row]:
    """Sixty exchanges of six accounts, as any gateway logs them."""
    return [
        {
            "exchange_id": f"e-{i:03d}",
            "seen_at": (START + timedelta(minutes=7 * i)).isoformat(),
            "account_id": f"account-{i % 6}",
            "model": "atlas-2",
            "user_agent": "client/1.0",
            "prompt": f"please tell zanzibar quokka marmalade number {i} how the harbour of town {i % 17} was built",
            "response": "it was built in stone",
        }
        for i in range(60)
    ]
