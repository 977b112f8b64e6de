"""Reasoning sent back by others."""

from pathlib import Path

from tests.scenes import weights

from stillwatch.evidence.replay import Replay
from stillwatch.evidence.scene import Scene, Seat, Visit

N = 40


def told(sent: dict[int, tuple[int, ...]], root: Path, org: int | None = None) -> float:
    """Weight of a group whose accounts sent these blobs."""
    visits = [Visit(a, float(a), blobs=blobs) for a, blobs in sent.items()]
    return weights(Replay(), Scene({1: visits}, {1: [Seat(a, org) for a in sent]}), root)[1]


def paired(replaying: int, blobs: int = 2) -> dict[int, tuple[int, ...]]:
    """The first accounts send what the neighbour sends too, the others what is their own."""
    return {
        a: tuple((1_000 + a // 2 if a < replaying else 5_000 + a) * 10 + i for i in range(blobs)) for a in range(1, N + 1)
    }  # fmt: skip


def test_the_weight_rises_with_the_share_of_accounts(tmp_path: Path) -> None:
    """None of forty accounts, a tenth, a third, most."""
    bits = [told(paired(k), tmp_path / str(k)) for k in (0, 4, 13, 30)]

    assert bits == sorted(bits)
    assert bits[0] < 0 < 3 < bits[3]


def test_one_blob_in_common_may_have_been_pasted(tmp_path: Path) -> None:
    """Neighbours that share one, and no more, are ordinary."""
    assert told(paired(N, blobs=1), tmp_path) < 0


def test_what_a_tenth_of_them_sent_is_a_file_and_no_replay(tmp_path: Path) -> None:
    """Forty accounts on six templates with three encoded pictures each."""
    assert told({a: tuple(a % 6 * 10 + i for i in range(1, 4)) for a in range(1, N + 1)}, tmp_path) < 0


def test_an_organisation_is_one_unit(tmp_path: Path) -> None:
    """Accounts of one company may carry each other's conversations on."""
    assert told(paired(N), tmp_path, org=5) == 0.0


def test_a_few_senders_of_blobs_are_too_few(tmp_path: Path) -> None:
    """Nine accounts that share all they have, among accounts without any."""
    sent = {a: blobs if a < 10 else () for a, blobs in paired(N).items()}

    assert told(sent, tmp_path) == 0.0


def test_others_outside_the_group_do_not_count(tmp_path: Path) -> None:
    """What is shared with accounts of another group is not shared within this one."""
    inside = [Visit(a, 1.0, blobs=(10 * a, 10 * a + 1)) for a in range(N)]
    outside = [Visit(1_000 + a, 1.0, blobs=(10 * a, 10 * a + 1)) for a in range(N)]

    said = weights(Replay(), Scene({1: inside, 2: outside}), tmp_path)

    assert max(said.values()) < 0
