"""What a server gives away about itself."""

from typing import Any

import pytest

from stillwatch.lineage.base import Given, Result, Verdict
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.transport import ApiKey, Transport
from stillwatch.lineage.wire import FAMILIES, SERVERS, Wire, find, gather, hide_asked, known_as

SECRET = "sk-very-secret-0123456789"


def base(name: str) -> Texts:
    """A candidate of that name."""
    return Texts(name, (), "")


def run(url: str, *bases: str, key: ApiKey | None = None) -> list[Result]:
    """The results of the test."""
    said = list(Wire().run(Endpoint(Transport(url, key), "house-model"), [base(b) for b in bases], Given()))
    assert all(isinstance(s, Result) for s in said)
    return said  # type: ignore[return-value]  # asserted


def test_a_leaked_model_id_points_to_its_family(serve: Any, told: Any, chat: Any) -> None:
    """The case that started it: an id in an answer names a base the provider had not."""
    leaky = lambda a: told(chat("yes", model="accounts/x/models/kimi-k2p5-rl-0317")) if a.method == "POST" else told({}, 404)  # noqa: E731
    server = serve(leaky)

    kimi, qwen = run(server.url, "models/Kimi-K2-Instruct", "models/Qwen3-32B")

    assert kimi.verdict is Verdict.COMPATIBLE
    assert "names Kimi" in kimi.sentence
    assert "its own claim" in kimi.sentence
    assert qwen.verdict is Verdict.NO_POWER
    assert "not how models/Qwen3-32B is named" in qwen.sentence


def test_an_echo_of_the_name_asked_for_is_no_leak(serve: Any, told: Any, chat: Any) -> None:
    """A server that repeats our own words has said nothing."""
    server = serve(lambda a: told(chat("yes", model=a.body["model"])) if a.body else told({}))

    said = list(Wire().run(Endpoint(Transport(server.url), "qwen-max"), [base("Qwen3")], Given()))

    assert isinstance(said[0], Result)
    assert said[0].verdict is Verdict.NO_POWER
    assert "no family" in said[0].sentence


def test_error_texts_and_headers_are_read(serve: Any, told: Any, chat: Any) -> None:
    """An error that quotes the file behind the alias is a trace, and so is the server's header."""

    def answer(asked: Any) -> Any:
        if asked.method == "GET":
            return told({"data": [{"id": "house-model", "owned_by": "vllm"}, {"id": "other-deepseek", "owned_by": "x"}]})
        if "messages" not in asked.body:
            return told({"error": "cannot load /srv/DeepSeek-V3.2/model"}, 400)
        return told(chat("yes"), 200, {"X-Served-By": "llama.cpp", "X-Request-Id": "qwen"})

    server = serve(answer)

    deepseek, qwen = run(server.url, "DeepSeek-V3", "Qwen")

    assert deepseek.verdict is Verdict.COMPATIBLE
    assert "error on missing messages" in deepseek.sentence
    assert "llama.cpp or vLLM" in deepseek.sentence
    assert qwen.verdict is Verdict.NO_POWER
    assert not any("other-deepseek" in part.note for part in deepseek.parts)


def test_a_server_that_chokes_is_read_all_the_same(serve: Any, told: Any, chat: Any) -> None:
    """Malformed questions are asked once each; 500 and garbage end nothing."""

    def answer(asked: Any) -> Any:
        if asked.method == "GET":
            return told(b"not json")
        return told(chat("yes")) if asked.body.get("temperature") == 0.0 else told(b"\xff\x00 gemma-3 broke", 500)

    server = serve(answer)

    (result,) = run(server.url, "gemma-3-270m")

    assert result.verdict is Verdict.COMPATIBLE
    assert len(server.asked) == 5


def test_the_key_and_control_characters_never_reach_the_report(serve: Any, told: Any, chat: Any) -> None:
    """A server that quotes the key or sends terminal escapes gets neither through."""
    server = serve(lambda a: told(chat("y")) if a.number == 0 else told(f"\x1b[31m key {SECRET} refused".encode(), 400))

    (result,) = run(server.url, "x", key=ApiKey(SECRET))

    assert SECRET not in str(result)
    assert "\x1b" not in str([p.note for p in result.parts])
    assert any("key [key] refused" in p.note for p in result.parts)


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", ["SmolLM"]),
        ("meta-llama/Llama-3.1-8B", ["Llama"]),
        ("llama.cpp server llama-server llamacpp ollama", []),
        ("Mixtral-8x7B", ["Mixtral"]),
        ("openai/gpt-oss-20b", ["gpt-oss", "GPT"]),
        ("graphics, dolphin, English", []),
        ("glm-4.6", ["GLM"]),
    ],
)
def test_families_are_recognised_by_their_names(text: str, families: list[str]) -> None:
    """And words that only resemble them are not."""
    assert find(FAMILIES, text) == families


def test_small_helpers() -> None:
    """Servers by name; the name asked for is hidden whatever its case."""
    assert find(SERVERS, "vLLM 0.9") == ["vLLM"]
    assert known_as("https://llama.example/v1#house") == "house"
    assert known_as("/home/llama/x/y.gguf") == "x/y.gguf"
    assert hide_asked("QWEN-max and qwen", "qwen-max") == " and qwen"


def test_nothing_is_said_where_nothing_is_there(serve: Any, told: Any) -> None:
    """A silent server gives no traces but its header."""
    server = serve(lambda _: told({}))

    assert [t.place for t in gather(Endpoint(Transport(server.url), "m"))] == ["header server"]
