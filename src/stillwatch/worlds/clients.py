"""What clients set and how they name themselves: tables that every account of a world draws from, whatever it does."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds.cast import N_CLIENTS, N_CONFIGS
from stillwatch.worlds.hashing import below, hex_ids, mix, tag, unit

TIERS = ("free", "pay-as-you-go", "team", "enterprise")
MODELS = ("aster-2-mini", "aster-2", "aster-2-large", "aster-3")  # the last is released inside the window
PROVIDER = "aster"

_PRODUCTS = (
    "python-requests",
    "openai-python",
    "anthropic-sdk-python",
    "node-fetch",
    "axios",
    "okhttp",
    "Go-http-client",
    "aiohttp",
    "httpx",
)
_PRODUCTS_MORE = ("langchain", "llama-index", "litellm", "Mozilla/5.0 (compatible)", "curl", "reqwest", "ruby-openai", "guzzle")
_TEMPERATURES = (None, 0.0, 0.2, 0.3, 0.5, 0.7, 0.8, 1.0)
_TOP_P = (None, None, None, 0.9, 0.95, 1.0)
_LIMITS = (None, 256, 512, 1024, 1024, 2048, 4096, 8192)
_EFFORTS = (None, None, None, "low", "medium", "high")

TOOL_SETS: tuple[tuple[str, ...], ...] = (
    ("read_file", "write_file", "run_shell", "search"),
    ("bash", "str_replace_editor"),
    ("web_search", "fetch_page"),
    ("execute_python", "plot"),
    ("get_order", "refund_order", "lookup_customer"),
    ("query_database",),
    ("create_ticket", "assign_ticket", "close_ticket"),
    ("search_flights", "book_flight", "cancel_booking"),
    ("click", "type", "scroll", "screenshot"),
    ("retrieve_documents", "cite"),
    ("send_email", "read_calendar", "create_event"),
    ("edit_file", "list_files", "run_tests", "git_diff"),
)


@dataclass(frozen=True)
class Settings:
    """Sampling settings, one entry a configuration; NaN and -1 stand for not set."""

    temperature: npt.NDArray[np.float64]
    top_p: npt.NDArray[np.float64]
    n: npt.NDArray[np.int32]
    max_tokens: npt.NDArray[np.int32]
    logprobs: npt.NDArray[np.bool_]
    stream: npt.NDArray[np.bool_]
    effort: npt.NDArray[np.int8]


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The configurations of the world: combinations of common values, the same in every world."""
    h = mix(tag("settings"), np.arange(N_CONFIGS))

    def pick(values: tuple[float | None, ...], salt: int) -> npt.NDArray[np.float64]:
        known = np.array([np.nan if v is None else v for v in values], float)
        return np.asarray(known[below(mix(h, salt), len(values))])

    return Settings(
        temperature=pick(_TEMPERATURES, 1),
        top_p=pick(_TOP_P, 2),
        n=np.where(unit(mix(h, 3)) < 0.05, 4, 1).astype(np.int32),
        max_tokens=np.nan_to_num(pick(_LIMITS, 4), nan=-1).astype(np.int32),
        logprobs=unit(mix(h, 5)) < 0.06,
        stream=unit(mix(h, 6)) < 0.5,
        effort=below(mix(h, 7), len(_EFFORTS)).astype(np.int8),
    )


def efforts() -> pa.Array:
    """Names of the reasoning efforts; null where none is asked for."""
    return pa.array(_EFFORTS, pa.string())


@lru_cache(maxsize=1)
def user_agents() -> pa.Array:
    """User agents, one a client: a product with one of several versions."""
    products = _PRODUCTS + _PRODUCTS_MORE
    h = mix(tag("agents"), np.arange(N_CLIENTS))
    names = below(mix(h, 1), len(products))
    majors, minors = below(mix(h, 2), 5), below(mix(h, 3), 40)
    return pa.array([f"{products[i]}/{a}.{b}" for i, a, b in zip(names, majors, minors, strict=True)])


@lru_cache(maxsize=1)
def fingerprints() -> pa.Array:
    """TLS fingerprints in the form of JA4, one a client."""
    heads = [f"t13d{15 + i % 5:02d}{8 + i % 9:02d}h2_" for i in range(N_CLIENTS)]
    tails = hex_ids("", mix(tag("ja4"), np.arange(N_CLIENTS)), 12).to_pylist()
    ends = hex_ids("", mix(tag("ja4 end"), np.arange(N_CLIENTS)), 12).to_pylist()
    return pa.array([f"{a}{b}_{c}" for a, b, c in zip(heads, tails, ends, strict=True)])
