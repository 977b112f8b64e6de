"""Networks as a log shows them: source addresses and autonomous systems; both functions of the packed network."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds.cast import IPV6_SHARE
from stillwatch.worlds.hashing import U64, mix

I64 = npt.NDArray[np.int64]


def autonomous_systems(packed: U64) -> I64:
    """Numbers of autonomous systems, spread over the public 32-bit range."""
    return (1_000 + (mix(packed >> np.uint64(32), 81) % np.uint64(390_000))).astype(np.int64)


def addresses(packed: U64, host: U64) -> pa.Array:
    """Source addresses: IPv4 for most networks, IPv6 for the rest; the network is a function of `packed`, the host of `host`."""
    net = mix(packed, 82)
    known, back = np.unique(np.stack([net, host], 1), axis=0, return_inverse=True)
    texts = [_address(int(n), int(x)) for n, x in known.tolist()]
    return pa.array(texts, pa.string()).take(pa.array(back.reshape(-1)))


def _address(net: int, host: int) -> str:
    if net % 1000 < IPV6_SHARE * 1000:
        return f"2a{net >> 56:02x}:{net >> 40 & 0xFFFF:x}:{net >> 24 & 0xFFFF:x}:{host & 0xFFFF:x}::{host >> 16 & 0xFFFF:x}"
    first = 11 + (net >> 56) % 88  # public space: above 10/8, below 100.64/10
    return f"{first}.{net >> 48 & 0xFF}.{net >> 40 & 0xFF}.{1 + host % 254}"
