"""
Every table that stages meet at: columns, units, version, and the one room that writes it.

A stage reads and writes tables by these declarations and by nothing else. `ref` columns name the table they point into.
Hash columns are keyed 64-bit digests (privacy.py) stored as signed BIGINT, because every SQL engine has that type.

Why not the obvious other way (records passed between stages as objects): tables are what DuckDB, Spark and a person with
a notebook all read, what `--resume` finds on disk, and what lets two rooms be strangers.
"""

from dataclasses import dataclass

import pyarrow as pa

UTC_TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name (units in the name), Arrow type, meaning, and whether it may be null."""

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class TableSpec:
    """The declaration of one table; `writer` is the only room that may write it."""

    name: str
    version: int
    writer: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with the table's name and version as metadata."""
        return pa.schema(
            [pa.field(c.name, c.type, c.nullable) for c in self.columns],
            metadata={"stillwatch.table": self.name, "stillwatch.version": str(self.version)},
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(c.name for c in self.columns)


MESSAGE = pa.struct([pa.field("role", pa.string(), False), pa.field("content", pa.string(), False)])

EXCHANGES = TableSpec(
    "exchanges",
    1,
    "ingest",
    (
        Column("exchange_id", pa.string(), "unique id of the request with its response"),
        Column("seen_at", UTC_TIME, "when the request arrived"),
        Column("account_id", pa.string(), "the credential that the provider bills"),
        Column("org_id", pa.string(), "organisation of the account", True),
        Column("key_id", pa.string(), "API key", True),
        Column("end_user_id", pa.string(), "end user behind the account, as the account names them", True),
        Column("session_id", pa.string(), "conversation or session", True),
        Column("payment_id", pa.string(), "payment instrument, opaque or hashed", True),
        Column("device_id", pa.string(), "device, opaque or hashed", True),
        Column("client_fingerprint", pa.string(), "TLS client fingerprint (JA4)", True),
        Column("ip", pa.string(), "source address, IPv4 or IPv6", True),
        Column("asn", pa.int64(), "autonomous system of the source address", True),
        Column("account_created_at", UTC_TIME, "sign-up time of the account", True),
        Column("tier", pa.string(), "plan of the account", True),
        Column("user_agent", pa.string(), "client software, as it names itself", True),
        Column("provider", pa.string(), "provider that served the request", True),
        Column("model", pa.string(), "model asked for"),
        Column("model_served", pa.string(), "model that answered, if it differs", True),
        Column("system_prompt", pa.string(), "system prompt", True),
        Column("messages", pa.list_(MESSAGE), "the whole request, oldest first", True),
        Column("prompt", pa.string(), "newest user turn; derived from `messages` where absent", True),
        Column("tools", pa.list_(pa.string()), "names of the tools offered", True),
        Column("response", pa.string(), "text of the answer", True),
        Column("temperature", pa.float64(), "sampling temperature", True),
        Column("top_p", pa.float64(), "nucleus mass", True),
        Column("n", pa.int32(), "completions asked for", True),
        Column("max_tokens", pa.int32(), "limit on the answer, tokens", True),
        Column("logprobs", pa.bool_(), "log-probabilities asked for", True),
        Column("stream", pa.bool_(), "answer streamed", True),
        Column("reasoning_effort", pa.string(), "effort or thinking budget asked for", True),
        Column("prompt_tokens", pa.int32(), "tokens of the request", True),
        Column("completion_tokens", pa.int32(), "tokens of the answer", True),
        Column("reasoning_tokens", pa.int32(), "tokens of hidden reasoning", True),
        Column("finish_reason", pa.string(), "why the answer ended", True),
        Column("status", pa.int32(), "HTTP status", True),
        Column("latency_s", pa.float64(), "seconds from request to end of answer", True),
    ),
)

_KEYED = "keyed 64-bit digest of "

SIGNATURES = TableSpec(
    "signatures",
    1,
    "signatures",
    (
        Column("row", pa.int64(), "place in the log: split number × 2^32 + line or row; unique and reproducible"),
        Column("exchange_id", pa.string(), "as in the log"),
        Column("account", pa.int64(), _KEYED + "account_id"),
        Column("seen_at", UTC_TIME, "when the request arrived"),
        Column("model", pa.string(), "model asked for"),
        Column("org", pa.int64(), _KEYED + "org_id", True),
        Column("end_user", pa.int64(), _KEYED + "end_user_id", True),
        Column("session", pa.int64(), _KEYED + "session_id", True),
        Column("payment", pa.int64(), _KEYED + "payment_id", True),
        Column("device", pa.int64(), _KEYED + "device_id", True),
        Column("client", pa.int64(), _KEYED + "client_fingerprint", True),
        Column("network", pa.int64(), _KEYED + "the /24 (IPv4) or /48 (IPv6) of ip", True),
        Column("asn", pa.int64(), _KEYED + "asn", True),
        Column("user_agent", pa.int64(), _KEYED + "user_agent", True),
        Column("account_created_at", UTC_TIME, "sign-up time of the account", True),
        Column("tier", pa.int64(), _KEYED + "tier", True),
        Column("exact", pa.int64(), "S0: digest of system prompt and newest turn, normalised", True),
        Column("system", pa.int64(), "digest of the normalised system prompt", True),
        Column("fragments", pa.list_(pa.int64()), "S1: content-defined word shingles, at most 48, sorted", True),
        Column("contract", pa.int64(), "S2: what the operator's parser depends on; null where there is nothing", True),
        Column("config", pa.int64(), "S3: sampling settings, client and tools", True),
        Column("semantic_hi", pa.int64(), "S4: upper half of the 128-bit sign sketch", True),
        Column("semantic_lo", pa.int64(), "S4: lower half of the 128-bit sign sketch", True),
        Column("tokens", pa.list_(pa.int32()), "S5: bottom-48 keyed digests of distinct words, sorted", True),
        Column("fill", pa.list_(pa.int32()), "S6: bottom-8 keyed digests of word pairs of the newest turn, sorted", True),
        Column("elicitation", pa.list_(pa.int8()), "S7: logits × 16 of the five elicitation classes", True),
        Column("n_words", pa.int32(), "words of system prompt and newest turn", True),
        Column("n_turns", pa.int32(), "messages in the request", True),
        Column("prompt_tokens", pa.int32(), "tokens of the request", True),
        Column("completion_tokens", pa.int32(), "tokens of the answer", True),
        Column("reasoning_tokens", pa.int32(), "tokens of hidden reasoning", True),
        Column("status", pa.int32(), "HTTP status", True),
        Column(
            "blobs", pa.list_(pa.int64()), "at most 8 digests of long opaque strings in newest turn and history, sorted", True
        ),
    ),
)

SKETCH_BYTES = 128  # one a permutation of the keyed MinHash

SHARED_SKETCHES = TableSpec(
    "shared_sketches",
    1,
    "signatures",
    (
        Column("epoch", pa.string(), "name of the epoch whose key, which all members of an exchange hold, made the sketch"),
        Column("sketch", pa.binary(SKETCH_BYTES), "keyed MinHash of newest turn, system prompt or both together, one byte each"),
        Column("rows", pa.list_(pa.int64()), "ref signatures: the exchanges that have it, ascending"),
    ),
)

SHARED_CONTRACTS = TableSpec(
    "shared_contracts",
    1,
    "signatures",
    (
        Column("row", pa.int64(), "ref signatures"),
        Column("epoch", pa.string(), "name of the epoch whose key made the digest"),
        Column("contract", pa.int64(), "S2 under the epoch's key"),
    ),
)

SHARED_SETTINGS = TableSpec(
    "shared_settings",
    1,
    "signatures",
    (
        Column("row", pa.int64(), "ref signatures; exchanges without any of the settings are left out"),
        Column("temperature", pa.float64(), "sampling temperature", True),
        Column("top_p", pa.float64(), "nucleus mass", True),
        Column("n", pa.int32(), "completions asked for", True),
        Column("max_tokens", pa.int32(), "limit on the answer, tokens", True),
        Column("logprobs", pa.bool_(), "log-probabilities asked for", True),
        Column("stream", pa.bool_(), "answer streamed", True),
        Column("reasoning_effort", pa.string(), "effort asked for; null where it is no word or number of the usual ones", True),
    ),
)

PEER_HITS = TableSpec(
    "peer_hits",
    1,
    "sharing",
    (
        Column("row", pa.int64(), "ref signatures"),
        Column("indicator_id", pa.string(), "STIX id of the peer's indicator"),
        Column("kind", pa.string(), "template | contract | network | token | behaviour | collision"),
        Column("similarity", pa.float64(), "of the sketches, 0…1; null where equal is all there is", True),
        Column(
            "benign_hits_per_million", pa.float64(), "as its publisher measured it; null where the indicator says nothing", True
        ),
    ),
)

ACCOUNTS = TableSpec(
    "accounts",
    1,
    "signatures",
    (
        Column("account", pa.int64(), _KEYED + "account_id"),
        Column("account_id", pa.string(), "as in the log; stays beside the log, never part of a signed table"),
        Column("org_id", pa.string(), "as in the log", True),
    ),
)

FRAGMENTS = TableSpec(
    "fragments",
    1,
    "templates",
    (
        Column("fragment", pa.int64(), "S1 digest of a heavy fragment"),
        Column("recipe", pa.int64(), "ref recipes: the recipe that the fragment belongs to"),
        Column("n_requests", pa.int64(), "exchanges that carry it"),
        Column("n_accounts", pa.int64(), "distinct accounts that sent it"),
    ),
)

RECIPES = TableSpec(
    "recipes",
    1,
    "templates",
    (
        Column("recipe", pa.int64(), "digest, stable while the wording is"),
        Column("kind", pa.string(), "wording | contract | semantic"),
        Column("family", pa.int64(), "smallest recipe of the family: variants of one template"),
        Column("bundle", pa.int64(), "smallest recipe of the bundle: recipes that the same accounts use together"),
        Column("n_requests", pa.int64(), "exchanges that run it"),
        Column("n_accounts", pa.int64(), "distinct accounts that run it"),
        Column("n_fragments", pa.int32(), "heavy fragments that make it up; 0 for contract and semantic recipes"),
    ),
)

USES = TableSpec(
    "uses",
    1,
    "templates",
    (
        Column("row", pa.int64(), "ref signatures"),
        Column("account", pa.int64(), "ref accounts"),
        Column("recipe", pa.int64(), "ref recipes; at most four a row"),
        Column("matched", pa.int32(), "heavy fragments matched; 1 for contract and semantic recipes"),
    ),
)

GROUPS = TableSpec(
    "groups",
    1,
    "candidates",
    (
        Column("group", pa.int64(), "digest of the group's origin, stable under renaming rows"),
        Column("origin", pa.string(), "recipe | family | cell | community"),
        Column(
            "told_by", pa.string(), "what tells its exchanges: wording | settings | accounts (all of its accounts' exchanges)"
        ),
        Column("parent", pa.int64(), "smallest group that contains it, null for roots", True),
        Column("n_accounts", pa.int64(), "accounts of the group"),
        Column("n_exchanges", pa.int64(), "exchanges that the group is tested on, of its sampled accounts"),
    ),
)

GROUP_TOKENS = TableSpec(
    "group_tokens",
    1,
    "candidates",
    (
        Column("group", pa.int64(), "ref groups"),
        Column("kind", pa.string(), "recipe | family | bundle | config | payment | device | client | network"),
        Column("token", pa.int64(), "the recipe or infrastructure digest that ties the group together"),
        Column("lift", pa.float64(), "share of use inside the group over share outside"),
    ),
)

GROUP_ACCOUNTS = TableSpec(
    "group_accounts",
    1,
    "candidates",
    (
        Column("group", pa.int64(), "ref groups"),
        Column("account", pa.int64(), "ref accounts"),
        Column("org", pa.int64(), "organisation of the account", True),
        Column("payment", pa.int64(), "payment instrument", True),
        Column("payment_units", pa.int64(), "organisations (or lone accounts) on that instrument in the whole log", True),
        Column("device", pa.int64(), "device", True),
        Column("device_units", pa.int64(), "units on that device", True),
        Column("network", pa.int64(), "network most used by the account", True),
        Column("network_units", pa.int64(), "units on that network", True),
        Column("client", pa.int64(), "TLS client fingerprint", True),
        Column("client_units", pa.int64(), "units with that fingerprint", True),
        Column("account_created_at", UTC_TIME, "sign-up time", True),
        Column("n_exchanges", pa.int64(), "exchanges of the account in the whole log"),
        Column("n_systems", pa.int64(), "distinct system prompts of the account in the whole log", True),
    ),
)

GROUP_EXCHANGES = TableSpec(
    "group_exchanges",
    1,
    "candidates",
    (
        Column("group", pa.int64(), "ref groups; rows are sorted by group, account, seen_at, exact, row"),
        Column("account", pa.int64(), "ref accounts"),
        Column("row", pa.int64(), "ref signatures"),
        Column("seen_at", UTC_TIME, "when the request arrived"),
        Column("model", pa.string(), "model asked for"),
        Column("exact", pa.int64(), "S0", True),
        Column("tokens", pa.list_(pa.int32()), "S5 without words that more than 3 % of all accounts use", True),
        Column("fill", pa.list_(pa.int32()), "S6", True),
        Column("elicitation", pa.list_(pa.int8()), "S7", True),
    ),
)

MODELS = TableSpec(
    "models",
    1,
    "candidates",
    (
        Column("model", pa.string(), "model asked for"),
        Column("released_at", UTC_TIME, "first exchange with it, null where it was there from the window's start", True),
        Column("n_accounts", pa.int64(), "accounts active in the seven days around the release"),
        Column("n_adopters", pa.int64(), "of these, accounts that asked for it within 24 hours of the release"),
    ),
)

EVIDENCE = TableSpec(
    "evidence",
    1,
    "evidence",
    (
        Column("group", pa.int64(), "ref groups"),
        Column("detector", pa.string(), "name of the detector"),
        Column("family", pa.string(), "detectors that see the same behaviour"),
        Column("weight_bits", pa.float64(), "log2 likelihood ratio campaign : background; 0.0 where it cannot tell"),
        Column("statistic", pa.float64(), "the observed statistic", True),
        Column("null_mean", pa.float64(), "its mean under the detector's null", True),
        Column("null_sd", pa.float64(), "its standard deviation under the null", True),
        Column("n", pa.int64(), "observations the statistic stands on (each detector says of what)"),
        Column("reason", pa.string(), "one sentence for a person, with the numbers in it and no customer's text"),
    ),
)

CAMPAIGNS = TableSpec(
    "campaigns",
    1,
    "campaigns",
    (
        Column("campaign_id", pa.string(), "'c-' and 12 hex digits, stable under renaming rows"),
        Column("group", pa.int64(), "ref groups"),
        Column("verdict", pa.string(), "watched | likely; only a ruling clears or confirms"),
        Column("score_bits", pa.float64(), "strongest weight for and against of each family, summed"),
        Column("p_value", pa.float64(), "chance that a benign group of its stratum scores as high"),
        Column("q_value", pa.float64(), "Benjamini-Hochberg over the groups tested"),
        Column("n_families", pa.int32(), "independent families that speak for it"),
        Column("stratum", pa.string(), "reference stratum it was judged in"),
        Column("reference", pa.string(), "shipped | own"),
    ),
)

CAMPAIGN_GROUPS = TableSpec(
    "campaign_groups",
    1,
    "campaigns",
    (
        Column("campaign_id", pa.string(), "ref campaigns"),
        Column("group", pa.int64(), "ref groups: a group that passed and overlaps the campaign's standing group"),
    ),
)

CLEARED = TableSpec(
    "cleared",
    1,
    "campaigns",
    (
        Column("campaign_id", pa.string(), "ref campaigns"),
        Column("account", pa.int64(), "of the campaign's groups, and of a group that the evidence speaks for"),
    ),
)

MEMBERS = TableSpec(
    "members",
    1,
    "campaigns",
    (
        Column("campaign_id", pa.string(), "ref campaigns"),
        Column("account", pa.int64(), "ref accounts"),
        Column("membership", pa.string(), "core | probable | touched (never acted on)"),
        Column("weight_bits", pa.float64(), "log2 likelihood ratio member : not"),
        Column("campaign_share", pa.float64(), "share of the account's exchanges that belong to the campaign, 0…1"),
        Column("n_exchanges", pa.int64(), "exchanges of the account in the window"),
        Column("n_campaign_exchanges", pa.int64(), "of these, attributed to the campaign"),
        Column("first_seen", UTC_TIME, "first attributed exchange"),
        Column("last_seen", UTC_TIME, "last attributed exchange"),
    ),
)

ATTRIBUTED = TableSpec(
    "attributed",
    1,
    "campaigns",
    (
        Column("row", pa.int64(), "ref signatures"),
        Column("exchange_id", pa.string(), "as in the log"),
        Column("account", pa.int64(), "ref accounts"),
        Column("campaign_id", pa.string(), "ref campaigns"),
        Column("recipe", pa.int64(), "ref recipes, null where no recipe was matched", True),
        Column("share", pa.float64(), "probability that the exchange belongs to the campaign, 0…1"),
    ),
)

ALL: tuple[TableSpec, ...] = (
    EXCHANGES,
    SIGNATURES,
    SHARED_SKETCHES,
    SHARED_CONTRACTS,
    SHARED_SETTINGS,
    ACCOUNTS,
    PEER_HITS,
    FRAGMENTS,
    RECIPES,
    USES,
    GROUPS,
    GROUP_TOKENS,
    GROUP_ACCOUNTS,
    GROUP_EXCHANGES,
    MODELS,
    EVIDENCE,
    CAMPAIGNS,
    CAMPAIGN_GROUPS,
    CLEARED,
    MEMBERS,
    ATTRIBUTED,
)
