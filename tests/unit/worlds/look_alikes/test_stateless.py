"""Clients that send reasoning back."""

from tests.planting import planted

from stillwatch.worlds.look_alikes.stateless import StatelessClients


def test_no_blob_leaves_its_session() -> None:
    """Each later turn has one, none is sent twice."""
    world = planted(StatelessClients(accounts=10, exchanges=400))
    blobs = [p.split("\n\n")[0] for p, t in zip(world.column("prompt"), world.events.turn.tolist(), strict=True) if t]

    assert len(blobs) > 200
    assert all(b.startswith("reasoning: ") for b in blobs)
    assert len(set(blobs)) == len(blobs)
