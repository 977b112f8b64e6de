"""A harvest through the keys of a gateway, among the traffic of its thousands of honest end users."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.clock import ZONES, starts
from stillwatch.worlds.dossiers import EndUsers
from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.hashing import mix, tag
from stillwatch.worlds.traffic import volumes


@dataclass(frozen=True)
class ThroughGateway(Fleet):
    """
    Keys of a gateway, some of whose end users are one campaign; cover is what the honest ones send.

    Args:
        end_users: Honest ones behind all keys together, 1 to 16 million.
        campaign_users: End users that the campaign pretends to be, at least 1.
    """

    kind: ClassVar[str] = "through_gateway"
    campaign: ClassVar[bool] = True
    accounts: int = 3
    cover: float = 0.9
    infra_reuse: float = 0.0
    pivot: float = 0.0
    shared_client: float = 0.0
    signup: str = "aged"
    end_users: int = 1_500
    campaign_users: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("end_users", "campaign_users"):
            if not 1 <= getattr(self, name) <= 1 << 23:
                raise ValueError(f"{name} must lie in 1 … {1 << 23}")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol the keys; honest end users keep to own business, the others deal one pool."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        counts = volumes(rng, self.accounts, self.exchanges, self.volume_sigma)
        cover = self._cover(rng, counts)
        key = np.repeat(np.arange(self.accounts), cover)
        user = rng.integers(0, self.end_users, len(key))
        rhythm = rng.choice(len(draft.rhythms.share), len(key), p=draft.rhythms.share).astype(np.int16)
        when = starts(rng, rng.choice(ZONES, len(key)), rhythm, draft.rhythms, draft.era.start, draft.era.days)
        number = np.arange(len(key))
        name = mix(draft.seed, tag("gateway"), block.unique[key], user, number // 3)
        item = (mix(draft.seed, name, number) & np.uint64(0xFFFFFFFFFF000000)) | user.astype(np.uint64)
        draft.send(draft.hire(draft.library.end_users), when, account[key], item, name)
        at, owner = self.moments(draft, rng, block, counts - cover)
        heads = draft.library.instructions(rng, self.bank(12), "pipeline", 5.0)
        fills = draft.library.plain(rng, self.prompts(len(at)))
        writer = EndUsers(self.framed(heads, fills.writer), self.campaign_users, 1 << 23)
        self.harvest(draft, rng, fills.through(writer), at, account, owner)
