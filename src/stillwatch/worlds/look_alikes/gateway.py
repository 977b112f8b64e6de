"""A gateway: thousands of end users behind one key."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.methods.apportion import apportion
from stillwatch.worlds.clock import ZONES, starts
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.hashing import mix, tag
from stillwatch.worlds.traffic import volumes


@dataclass(frozen=True)
class GatewayKey:
    """
    Keys through which others' users come.

    Args:
        accounts: Keys.
        exchanges: In total.
        end_users: Behind all keys together, at most 16 million; named in the log.
    """

    kind: ClassVar[str] = "gateway"
    campaign: ClassVar[bool] = False
    accounts: int = 2
    exchanges: int = 5_000
    end_users: int = 1_500

    def __post_init__(self) -> None:
        check(self, counts=("end_users",))
        if self.end_users > 1 << 24:
            raise ValueError("end_users must be at most 16777216")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol the keys; every end user keeps to own business."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        counts = volumes(rng, self.accounts, self.exchanges, 0.5)
        owner = np.repeat(np.arange(self.accounts), counts)
        user = rng.permutation(np.repeat(np.arange(self.end_users), apportion(rng.lognormal(0, 1.2, self.end_users), len(owner))))
        rhythm = rng.choice(len(draft.rhythms.share), len(owner), p=draft.rhythms.share).astype(np.int16)
        zone = rng.choice(ZONES, len(owner))
        at = starts(rng, zone, rhythm, draft.rhythms, draft.era.start, draft.era.days)
        number = np.arange(len(owner))
        name = mix(draft.seed, tag("gateway"), block.unique[owner], user, number // 3)
        item = (mix(draft.seed, name, number) & np.uint64(0xFFFFFFFFFF000000)) | user.astype(np.uint64)
        draft.send(draft.hire(draft.library.end_users), at, account[owner], item, name)
