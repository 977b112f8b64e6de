"""Residual coordinates of the base seen from the suspect."""

from pathlib import Path

import numpy as np
import pytest
from tests.checkpoints import LLAMA, model_of, random_state

from stillwatch.lineage import coordinates
from stillwatch.lineage.coordinates import View, views
from stillwatch.lineage.stream import Tokens

TOKENS = Tokens(np.arange(96), np.arange(96), "")


def test_views_go_from_the_cheapest_to_the_dearest(tmp_path: Path) -> None:
    """
    As they are, permuted, rotated; without common tokens only as they are.
    """
    a, b = (model_of(tmp_path / str(i), random_state(LLAMA, i), LLAMA) for i in (1, 2))

    assert [view.name for view in views(a, b, TOKENS, 1)] == ["as they are", "permuted with signs", "rotated"]
    assert [view.name for view in views(a, b, None, 1)] == ["as they are"]


def test_other_widths_are_seen_through_common_tokens_alone(tmp_path: Path) -> None:
    """
    A narrower suspect has no coordinates in common as they are.
    """
    wide = LLAMA | {"hidden_size": 32}
    a, b = model_of(tmp_path / "a", random_state(LLAMA, 1), LLAMA), model_of(tmp_path / "b", random_state(wide, 1), wide)

    found = list(views(a, b, TOKENS, 1))

    assert [view.name for view in found] == ["permuted with signs", "rotated"]
    assert all(view.of(np.ones((2, 24), dtype=np.float32)).shape == (2, 32) for view in found)
    assert list(views(a, b, None, 1)) == []


def test_very_wide_models_are_not_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The singular value decomposition is bounded.
    """
    monkeypatch.setattr(coordinates, "_WIDEST_ROTATION", 23)
    a = model_of(tmp_path, random_state(LLAMA, 1), LLAMA)

    assert [view.name for view in views(a, a, TOKENS, 1)] == ["as they are", "permuted with signs"]


def test_a_view_moves_rows() -> None:
    """
    Without a turn rows stay as they are.
    """
    rows = np.eye(2, dtype=np.float32)

    assert View("as they are", None).of(rows) is rows
    assert View("turned", rows[::-1]).of(rows).tolist() == [[0.0, 1.0], [1.0, 0.0]]
