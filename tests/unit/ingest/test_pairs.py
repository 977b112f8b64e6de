"""Raw pairs in anyone's wrapper."""

from pathlib import Path

import orjson
import pytest

from stillwatch import ingest
from stillwatch.ingest.base import Piece
from stillwatch.settings import IngestSettings

REQUEST: dict[str, object] = {"model": "poem-1", "messages": [{"role": "user", "content": "hi"}]}
ANSWER: dict[str, object] = {"id": "c-1", "model": "poem-1", "choices": [{"message": {"content": "ho"}, "finish_reason": "stop"}]}


def read(folder: Path, *lines: object, settings: IngestSettings | None = None) -> Piece:
    path = folder / "log"
    path.write_bytes(b"\n".join(orjson.dumps(x) for x in lines))
    settings = settings or IngestSettings(format="pairs")
    (split,) = ingest.discover([str(path)], settings).splits
    (piece,) = ingest.read(split, settings)
    return piece


def row(folder: Path, line: dict[str, object], settings: IngestSettings | None = None) -> dict[str, object]:
    piece = read(folder, line, settings=settings)
    assert not piece.bad
    found: dict[str, object] = piece.exchanges.to_pylist()[0]
    return found


BASE: dict[str, object] = {"ts": 1_793_610_000, "account": "a", "request": REQUEST, "response": ANSWER}


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        ({"request_id": "r-1"}, "exchange_id", "r-1"),
        ({}, "exchange_id", "c-1"),
        ({"organization": "o"}, "org_id", "o"),
        ({"key_id": "k"}, "key_id", "k"),
        ({"ja4": "t13"}, "client_fingerprint", "t13"),
        ({"plan": "free"}, "tier", "free"),
        ({"headers": {"User-Agent": "ua/1"}}, "user_agent", "ua/1"),
        ({"latency_ms": 500}, "latency_s", 0.5),
        ({"duration": "2.5"}, "latency_s", 2.5),
        ({"duration": "long", "latency": 3}, "latency_s", 3.0),
        ({"status": "201"}, "status", 201),
        ({"status": "ok"}, "status", 200),
        ({"conversation_id": "s"}, "session_id", "s"),
        ({"vendor": "acme"}, "provider", "acme"),
        ({}, "provider", "openai"),
        ({}, "model_served", None),
    ],
)
def test_wrapper_names(tmp_path: Path, line: dict[str, object], column: str, value: object) -> None:
    """
    Usual names of gateways are understood, and bodies fill in what the wrapper does not say.
    """
    assert row(tmp_path, BASE | line)[column] == value


def test_bodies_may_be_text_nested_or_flat(tmp_path: Path) -> None:
    """
    The same exchange in four wrappings is the same exchange.
    """
    rest = {"ts": 1_793_610_000, "account": "a"}
    wrapped = [
        BASE,
        rest | {"request_body": orjson.dumps(REQUEST).decode(), "response_body": orjson.dumps(ANSWER).decode()},
        rest | {"request": {"method": "POST", "body": REQUEST}, "response": {"status": 200, "body": ANSWER}},
        rest | REQUEST | {"response": ANSWER},
    ]

    rows = [row(tmp_path, line) for line in wrapped]

    assert rows[0]["prompt"] == "hi"
    assert all(r == rows[0] for r in rows)


def test_secrets_are_not_kept_as_keys(tmp_path: Path) -> None:
    """
    A log that holds the secret itself gives a digest of it, and the account falls back on it.
    """
    found = row(tmp_path, {"ts": 1, "authorization": 1, "api_key": "Bearer sk-secret", "request": REQUEST, "response": ANSWER})

    assert str(found["key_id"]).startswith("sha256:")
    assert found["account_id"] == found["key_id"]
    assert "secret" not in str(found)


def test_a_refused_request_without_id_has_a_reproducible_one(tmp_path: Path) -> None:
    """
    An attempt that was refused is an exchange: its id is a digest of the line.
    """
    line = {"ts": 1, "account": "a", "request": REQUEST, "response": {"error": {"type": "rate_limit_error"}}}

    first, second = row(tmp_path, line), row(tmp_path, line)

    assert first["status"] == 429
    assert first["response"] is None
    assert str(first["exchange_id"]).startswith("line:")
    assert first["exchange_id"] == second["exchange_id"]


def test_the_status_of_a_nested_response_is_found(tmp_path: Path) -> None:
    """
    Some gateways keep the HTTP status beside the body.
    """
    line = {"ts": 1, "account": "a", "request": REQUEST, "response": {"status_code": 503, "body": {}}}

    assert row(tmp_path, line)["status"] == 503
    assert row(tmp_path, {"ts": 1, "account": "a", "request": REQUEST})["status"] is None


def test_own_names_come_before_the_usual_ones(tmp_path: Path) -> None:
    """
    `ingest.columns` overrules the list of wrapper names.
    """
    settings = IngestSettings(format="pairs", columns={"account_id": "tenant"})

    assert row(tmp_path, BASE | {"tenant": "t"}, settings)["account_id"] == "t"


def test_lines_without_a_request_are_bad_lines(tmp_path: Path) -> None:
    """
    A line that asks nothing is set aside with a reason, its neighbours are kept.
    """
    piece = read(tmp_path, BASE, {"ts": 1, "account": "a", "request": {"model": "m"}}, {"a": 1}, BASE | {"shoe": 1})

    assert piece.n_rows == 2
    assert [b.line for b in piece.bad] == [2, 3]
    assert "shoe" in piece.unknown


def test_request_bodies_that_are_not_json_are_no_requests(tmp_path: Path) -> None:
    """
    Half a body in a string is a bad line, not an error.
    """
    piece = read(tmp_path, BASE, {"ts": 1, "account": "a", "request": '{"model": "m", "mess'})

    assert len(piece.bad) == 1


def test_detection_names_the_wrapper(tmp_path: Path) -> None:
    """
    The mapping says which names were found.
    """
    (tmp_path / "log").write_bytes(orjson.dumps(BASE | {"client_ip": "203.0.113.7"}))

    (file,) = ingest.discover([str(tmp_path / "log")], IngestSettings()).files

    assert file.format == "pairs"
    assert file.mapping["seen_at"] == "ts"
    assert file.mapping["ip"] == "client_ip"
    assert "payment_id" not in file.mapping


@pytest.mark.parametrize("model", ["claude-x", "other"])
def test_the_vendor_is_told_by_the_bodies(tmp_path: Path, model: str) -> None:
    """
    A system prompt apart, a model's name or an id of the vendor's kind.
    """
    request = REQUEST | {"model": model}
    answer = {"id": "msg_1", "content": [{"type": "text", "text": "ho"}]}

    assert row(tmp_path, BASE | {"request": request, "response": answer})["provider"] == "anthropic"
