"""An endpoint: asked patiently, once, and not believed blindly."""

from pathlib import Path
from typing import Any

import pytest

from stillwatch.errors import LineageError
from stillwatch.lineage.answers import Answers
from stillwatch.lineage.base import Offer
from stillwatch.lineage.endpoint import Endpoint, Usage, usage_faults
from stillwatch.lineage.patience import Pace, Patience
from stillwatch.lineage.speech import Question
from stillwatch.lineage.transport import ApiKey, Transport

SECRET = "sk-very-secret-0123456789"


class _Clock:
    def __init__(self) -> None:
        self.now_s, self.slept = 0.0, [0.0]

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.slept.append(seconds)


def endpoint(url: str, clock: _Clock | None = None, answers: Answers | None = None, attempts: int = 4) -> Endpoint:
    """An endpoint whose waits take no time."""
    clock = clock or _Clock()
    pace = Pace(None, clock.now, clock.sleep)
    return Endpoint(Transport(url, ApiKey(SECRET)), "m", Answers() if answers is None else answers, Patience(attempts), 1, pace)


def test_prompts_are_answered_in_their_order(serve: Any, told: Any, chat: Any) -> None:
    """Each prompt so many times, grouped, at the settings asked for."""
    server = serve(lambda a: told(chat(f"{a.body['messages'][0]['content']}!{a.body['seed']}")))

    said = Endpoint(Transport(server.url), "m").say(Question(("one", "two"), samples=2, max_tokens=9, temperature=0.5, top=3))

    assert [s.prompt for s in said] == ["one", "one", "two", "two"]
    assert all(s.output.startswith(f"{s.prompt}!") for s in said)
    assert len({s.output for s in said}) == 4
    body = server.asked[0].body
    assert (body["max_tokens"], body["temperature"], body["logprobs"], body["top_logprobs"]) == (9, 0.5, True, 3)


def test_raw_prompts_go_to_completions(serve: Any, told: Any) -> None:
    """A raw prompt is continued, with log-probabilities."""
    server = serve(lambda _: told({"choices": [{"text": " it", "logprobs": {"content": [{"token": " it", "logprob": -0.5}]}}]}))

    (said,) = endpoint(server.url).say(Question(("so be",), top=5, raw=True))

    assert server.asked[0].path == "/v1/completions"
    assert server.asked[0].body["logprobs"] == 5
    assert said.tokens[0].log_prob == -0.5


def test_nothing_is_asked_twice(serve: Any, told: Any, chat: Any, tmp_path: Path) -> None:
    """A second run is answered from the disk, and its digest is the same."""
    server = serve(lambda _: told(chat("x")))
    first = endpoint(server.url, answers=Answers(tmp_path / "a.ndjson"))
    first.say(Question(("p", "q")))

    again = endpoint(server.url, answers=Answers(tmp_path / "a.ndjson"))
    said = again.say(Question(("p", "q", "r")))

    assert len(said) == 3
    assert len(server.asked) == 3
    first.say(Question(("r",)))
    assert first.digests() == again.digests() == {first.name: again.answers.digest()}
    assert SECRET not in (tmp_path / "a.ndjson").read_text()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_fault_is_tried_again(serve: Any, told: Any, chat: Any, status: int) -> None:
    """Two refusals and then an answer are an answer."""
    server = serve(lambda a: told(chat("x")) if a.number >= 2 else told({}, status))

    (said,) = endpoint(server.url).say(Question(("p",)))

    assert said.output == "x"
    assert len(server.asked) == 3


def test_retry_after_is_obeyed(serve: Any, told: Any, chat: Any) -> None:
    """The next try comes no sooner than the server asked for."""
    server = serve(lambda a: told(chat("x")) if a.number else told({}, 429, {"Retry-After": "17"}))
    clock = _Clock()

    endpoint(server.url, clock).say(Question(("p",)))

    assert 17.0 <= clock.now_s <= 18.0


def test_a_server_that_asks_for_an_hour_is_left_alone(serve: Any, told: Any) -> None:
    """The run ends with a sentence on how to go on."""
    server = serve(lambda _: told({}, 429, {"Retry-After": "3600"}))

    with pytest.raises(LineageError, match=r"asks to wait 3600 s. 0 answers are kept: run the same command again"):
        endpoint(server.url).say(Question(("p",)))

    assert len(server.asked) == 1


def test_garbage_is_tried_again_and_then_named(serve: Any, told: Any) -> None:
    """Not JSON is a passing fault until the tries are used up; the garbage is not quoted."""
    server = serve(lambda _: told(b"<html>secret page"))

    with pytest.raises(LineageError, match="an answer that is not JSON, 4 times") as caught:
        endpoint(server.url).say(Question(("p",)))

    assert "secret page" not in str(caught.value)
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("status", "words"), [(401, "API key is missing"), (404, "usually ends in /v1"), (400, "refuses this question")]
)
def test_a_refusal_is_not_tried_again(serve: Any, told: Any, status: int, words: str) -> None:
    """The error says what to look at, and never has the key in it."""
    server = serve(lambda _: told({"error": {"message": f"bad key {SECRET}"}}, status))
    asked = endpoint(server.url)

    with pytest.raises(LineageError, match=words) as caught:
        asked.say(Question(("p",)))

    assert len(server.asked) == 1
    assert SECRET not in str(caught.value)
    assert len(asked.answers) == 0


def test_nobody_there_is_an_error_with_the_way_on() -> None:
    """A dead host ends the run after all tries."""
    with pytest.raises(LineageError, match=r"broken exchange .*, 2 times"):
        endpoint("http://127.0.0.1:9/v1", attempts=2).say(Question(("p",)))


def test_a_redirect_ends_the_run_at_once(serve: Any, told: Any) -> None:
    """What cannot pass is not waited for."""
    server = serve(lambda _: told(b"", 302, {"Location": "/"}))

    with pytest.raises(LineageError, match="it redirects"):
        endpoint(server.url).say(Question(("p",)))


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{"message": 3}]}])
def test_answers_in_another_shape(serve: Any, told: Any, body: Any) -> None:
    """JSON of another protocol is an error that asks about the address."""
    server = serve(lambda _: told(body))

    with pytest.raises(LineageError, match="Is the address right"):
        endpoint(server.url).say(Question(("p",)))


@pytest.mark.parametrize(
    "scored", ["x", {"content": [{"token": "a", "logprob": 0.5}]}, {"content": [{"logprob": -1, "top_logprobs": [1]}]}]
)
def test_log_probabilities_that_are_none(serve: Any, told: Any, scored: Any) -> None:
    """Above 0, missing or in another shape: the error says so, and quotes nothing."""
    server = serve(lambda _: told({"choices": [{"text": "secret text", "logprobs": scored}]}))

    with pytest.raises(LineageError, match="log-probabilities that are none") as caught:
        endpoint(server.url).say(Question(("p",)))

    assert "secret text" not in str(caught.value)


def test_a_list_is_no_answer(serve: Any, told: Any) -> None:
    """The answer must be an object."""
    server = serve(lambda _: told([1]))

    with pytest.raises(LineageError, match="no object"):
        endpoint(server.url).say(Question(("p",)))


def test_an_answer_without_text_is_an_empty_one(serve: Any, told: Any) -> None:
    """A model that only called a tool said nothing."""
    server = serve(lambda _: told({"choices": [{"message": {"content": None}}]}))

    assert endpoint(server.url).say(Question(("p",)))[0].output == ""


def test_once_means_once(serve: Any, told: Any) -> None:
    """Questions a server may choke on are not tried again, and what came back is kept."""
    server = serve(lambda a: told({}, 500 if a.path.endswith("models") else 429))
    asked = endpoint(server.url)

    broken, limited, again = asked.once("GET", "/models"), asked.once("GET", "/x"), asked.once("GET", "/models")

    assert broken is not None
    assert broken.status == 500
    assert limited is None
    assert again == broken
    assert len(server.asked) == 2


def test_usage_and_echo(serve: Any, told: Any, chat: Any) -> None:
    """Counts come with one answer token; an echo gives the text's own log-probabilities."""
    echo = {"choices": [{"text": "a b", "logprobs": {"tokens": ["a", " b"], "token_logprobs": [None, -1.5]}}]}
    server = serve(lambda a: told(echo if a.path.endswith("/completions") and "prompt" in a.body else chat("x", 7)))
    asked = endpoint(server.url)

    assert asked.count_tokens(["abc"]) == [Usage(7, 1, 8)]
    assert asked.echo(["a b"])[0].tokens[0].log_prob == -1.5


def test_usage_that_is_missing_or_no_number(serve: Any, told: Any) -> None:
    """What is not told is None."""
    server = serve(lambda a: told({"usage": {"prompt_tokens": True}} if a.number else {}))
    asked = endpoint(server.url)

    assert asked.count_tokens(["a", "b"]) == [Usage(None, None, None)] * 2


@pytest.mark.parametrize(
    ("usage", "faults"),
    [
        (Usage(5, 1, 6), []),
        (Usage(None, 1, 6), ["it reports no prompt_tokens"]),
        (Usage(0, 1, 1), ["it reports 0 tokens for a text that is not empty"]),
        (Usage(5, 9, 14), ["it counts 9 answer tokens where 1 were allowed"]),
        (Usage(5, 1, 9), ["its total_tokens is not prompt_tokens plus completion_tokens"]),
        (Usage(5, None, 9), []),
    ],
)
def test_lies_about_usage_are_noticed(usage: Usage, faults: list[str]) -> None:
    """Each way in which one report cannot be true has its words."""
    assert list(usage_faults(usage, "abc", 1)) == faults


def test_an_endpoint_introduces_itself() -> None:
    """It offers texts and log-probabilities, can be asked anything, and needs a model name."""
    asked = endpoint("https://host/v1?key=hush")

    assert asked.name == "https://host/v1#m"
    assert asked.offers == {Offer.ENDPOINT, Offer.TEXTS, Offer.LOGPROBS}
    assert asked.recorded_prompts is None
    assert SECRET not in repr(asked)
    with pytest.raises(LineageError, match="which model"):
        Endpoint(Transport("https://host/v1"), "")
