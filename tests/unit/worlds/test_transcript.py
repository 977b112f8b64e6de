"""The whole request of a conversation's turn."""

from tests.planting import planted

from stillwatch.worlds.build import grammar
from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.render import Renderer
from stillwatch.worlds.transcript import MAX_TURNS


def test_earlier_turns_are_those_that_were_sent() -> None:
    """Oldest first, an answer after each, the newest turn last, and no more than a client sends along."""
    world = planted(ChatUsers(accounts=8, exchanges=300))
    table = Renderer(world.draft, grammar(), world.people, "grammar", True).render(world.events, 0, 300)
    keys = list(zip(world.events.conversation.tolist(), world.events.turn.tolist(), strict=True))
    sent = dict(zip(keys, zip(table["prompt"].to_pylist(), table["response"].to_pylist(), strict=True), strict=True))

    longest = 0
    for (name, turn), messages in zip(keys, table["messages"].to_pylist(), strict=True):
        back = min(turn, MAX_TURNS)
        longest = max(longest, back)
        assert [m["role"] for m in messages] == ["user", "assistant"] * back + ["user"]
        assert messages[-1]["content"] == sent[name, turn][0]
        for k in range(back):
            prompt, response = sent[name, turn - back + k]
            assert messages[2 * k]["content"] == prompt
            assert response in (None, messages[2 * k + 1]["content"])
    assert longest >= 4
