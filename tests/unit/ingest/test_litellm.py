"""LiteLLM payloads: what the recorded lines do not show."""

from pathlib import Path

import orjson
import pytest

from stillwatch import ingest
from stillwatch.settings import IngestSettings

SETTINGS = IngestSettings(format="litellm")
PAYLOAD: dict[str, object] = {
    "id": "c-1",
    "startTime": 1_793_610_000.5,
    "endTime": 1_793_610_002.0,
    "status": "success",
    "model": "openai/poem-1",
    "metadata": {"user_api_key_hash": "h", "user_api_key_team_id": "t", "requester_ip_address": "203.0.113.7"},
    "messages": [{"role": "user", "content": "hi"}],
    "response": {"choices": [{"message": {"content": "ho"}}]},
    "model_parameters": {},
}


def row(folder: Path, **changes: object) -> dict[str, object]:
    path = folder / "log"
    path.write_bytes(orjson.dumps(PAYLOAD | changes))
    (split,) = ingest.discover([str(path)], SETTINGS).splits
    (piece,) = ingest.read(split, SETTINGS)
    assert not piece.bad
    found: dict[str, object] = piece.exchanges.to_pylist()[0]
    return found


def test_without_a_user_the_team_is_the_account_and_without_both_the_key(tmp_path: Path) -> None:
    """
    The account is the most particular name that the proxy knows.
    """
    assert row(tmp_path)["account_id"] == "t"
    assert row(tmp_path)["org_id"] is None
    assert row(tmp_path, metadata={"user_api_key_hash": "h"})["account_id"] == "h"
    project = {"user_api_key_user_id": "u", "user_api_key_project_id": "p"}
    assert row(tmp_path, metadata=project)["org_id"] == "p"


def test_the_address_and_client_may_stand_in_the_metadata(tmp_path: Path) -> None:
    """
    Older proxies leave the top-level fields empty.
    """
    assert row(tmp_path)["ip"] == "203.0.113.7"


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"error_code": "429"}, 429),
        ({"error_code": "ill", "normalized_error": "503_SERVICE_UNAVAILABLE"}, 503),
        ({"error_code": "200"}, 500),
        ({}, 500),
    ],
)
def test_the_status_of_a_failure(tmp_path: Path, told: dict[str, object], status: int) -> None:
    """
    A code, the normalised error's code, else 500.
    """
    failed = row(tmp_path, status="failure", error_information=told, response={}, prompt_tokens=0, completion_tokens=0)

    assert failed["status"] == status
    assert failed["prompt_tokens"] is None
    assert failed["completion_tokens"] == 0


def test_durations_need_both_ends(tmp_path: Path) -> None:
    """
    The duration is from start to end; `response_time` is never used.
    """
    assert row(tmp_path, response_time=0.1)["latency_s"] == 1.5
    assert row(tmp_path, endTime=None, response_time=0.1)["latency_s"] is None


def test_estimated_reasoning_tokens_are_left_out(tmp_path: Path) -> None:
    """
    A gateway's own estimate is no count.
    """
    meta = {"user_api_key_hash": "h", "usage_object": {"completion_tokens_details": {"reasoning_tokens": 3}}}

    assert row(tmp_path, metadata=meta, custom_llm_provider="openai")["reasoning_tokens"] == 3
    assert row(tmp_path, metadata=meta, custom_llm_provider="anthropic")["reasoning_tokens"] is None


def test_parameters(tmp_path: Path) -> None:
    """
    Effort, limits and tools are read from what was asked.
    """
    asked = {"max_completion_tokens": 9, "thinking": {"budget_tokens": 2048}, "tools": [{"name": "f"}], "stream": True}

    found = row(tmp_path, model_parameters=asked, stream=None)

    assert (found["max_tokens"], found["reasoning_effort"], found["tools"], found["stream"]) == (9, "2048", ["f"], True)


def test_a_line_that_is_no_payload_is_a_bad_line(tmp_path: Path) -> None:
    """
    It is set aside with a reason.
    """
    path = tmp_path / "log"
    path.write_bytes(orjson.dumps(PAYLOAD) + b'\n{"a": 1}')
    (split,) = ingest.discover([str(path)], SETTINGS).splits

    (piece,) = ingest.read(split, SETTINGS)

    assert piece.n_rows == 1
    assert "no logging payload" in piece.bad[0].reason
