"""
The tables of an exchange, in SQL that SQLite and PostgreSQL share.

Moments are whole microseconds; `stamp` is TAXII's date_added, unique in a collection, so it is the key of a page too.
Bodies are stored as the bytes that are served.
"""

VERSION = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, kept TEXT NOT NULL)
;
CREATE TABLE IF NOT EXISTS collection (
    n BIGINT PRIMARY KEY, id TEXT NOT NULL UNIQUE, root TEXT NOT NULL, alias TEXT, title TEXT NOT NULL, description TEXT,
    max_tlp BIGINT NOT NULL, listed BIGINT NOT NULL, pseudonymous BIGINT NOT NULL, last_stamp BIGINT NOT NULL,
    UNIQUE (root, alias))
;
CREATE TABLE IF NOT EXISTS member (
    id TEXT PRIMARY KEY, role TEXT NOT NULL, clearance BIGINT NOT NULL, quarantined BIGINT NOT NULL, disabled BIGINT NOT NULL,
    certificate TEXT, gets_a_minute BIGINT NOT NULL, posts_a_minute BIGINT NOT NULL, objects_a_day BIGINT NOT NULL,
    tokens_a_day BIGINT NOT NULL, made BIGINT NOT NULL)
;
CREATE TABLE IF NOT EXISTS access (
    member TEXT NOT NULL REFERENCES member (id), coll BIGINT NOT NULL REFERENCES collection (n),
    can_read BIGINT NOT NULL, can_write BIGINT NOT NULL, PRIMARY KEY (member, coll))
;
CREATE TABLE IF NOT EXISTS api_key (
    prefix TEXT PRIMARY KEY, member TEXT NOT NULL REFERENCES member (id), digest BYTES NOT NULL, made BIGINT NOT NULL,
    expires BIGINT NOT NULL, revoked BIGINT)
;
CREATE TABLE IF NOT EXISTS producer (
    coll BIGINT NOT NULL REFERENCES collection (n), identity TEXT NOT NULL, member TEXT NOT NULL, issued BIGINT NOT NULL,
    PRIMARY KEY (coll, identity))
;
CREATE TABLE IF NOT EXISTS object (
    coll BIGINT NOT NULL, stamp BIGINT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, version TEXT NOT NULL,
    version_us BIGINT NOT NULL, is_first BIGINT NOT NULL, is_last BIGINT NOT NULL, tlp BIGINT NOT NULL, owner TEXT NOT NULL,
    origin TEXT, end_a TEXT, end_b TEXT, opinion TEXT, expires BIGINT, digest BYTES NOT NULL, body BYTES NOT NULL,
    PRIMARY KEY (coll, stamp), UNIQUE (coll, id, version_us))
;
CREATE INDEX IF NOT EXISTS object_type ON object (coll, type, stamp)
;
CREATE INDEX IF NOT EXISTS object_end ON object (coll, end_a) WHERE end_a IS NOT NULL
;
CREATE INDEX IF NOT EXISTS object_expires ON object (expires) WHERE expires IS NOT NULL
;
CREATE TABLE IF NOT EXISTS peer (
    name TEXT PRIMARY KEY, url TEXT NOT NULL, member TEXT NOT NULL, key_file TEXT NOT NULL,
    coll BIGINT NOT NULL REFERENCES collection (n), max_tlp BIGINT NOT NULL, types TEXT NOT NULL, after_us BIGINT)
;
CREATE TABLE IF NOT EXISTS peer_trust (peer TEXT PRIMARY KEY, policy TEXT NOT NULL, keys TEXT NOT NULL)
;
CREATE TABLE IF NOT EXISTS held (
    peer TEXT NOT NULL, digest TEXT NOT NULL, received BIGINT NOT NULL, reason TEXT NOT NULL, body BYTES NOT NULL,
    PRIMARY KEY (peer, digest))
;
CREATE TABLE IF NOT EXISTS webhook (
    name TEXT PRIMARY KEY, member TEXT NOT NULL, coll BIGINT NOT NULL REFERENCES collection (n), url TEXT NOT NULL,
    secret_file TEXT NOT NULL, allow_private BIGINT NOT NULL, told_us BIGINT NOT NULL, until_us BIGINT, attempts BIGINT NOT NULL,
    next_us BIGINT NOT NULL, last_error TEXT, leased_us BIGINT NOT NULL)
;
CREATE TABLE IF NOT EXISTS waiting (
    status TEXT NOT NULL, place BIGINT NOT NULL, coll BIGINT NOT NULL, member TEXT NOT NULL, received BIGINT NOT NULL,
    body BYTES NOT NULL, PRIMARY KEY (status, place))
;
CREATE TABLE IF NOT EXISTS status (
    id TEXT PRIMARY KEY, root TEXT NOT NULL, member TEXT NOT NULL, received BIGINT NOT NULL, pending BIGINT NOT NULL,
    body BYTES NOT NULL)
;
CREATE TABLE IF NOT EXISTS quota (
    member TEXT NOT NULL, day BIGINT NOT NULL, what TEXT NOT NULL, used BIGINT NOT NULL, PRIMARY KEY (member, day, what))
;
CREATE TABLE IF NOT EXISTS audit (
    seq BIGINT PRIMARY KEY, at BIGINT NOT NULL, member TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
    detail TEXT NOT NULL, hash BYTES NOT NULL)
"""


def statements(bytes_type: str) -> list[str]:
    """The statements that make the tables; each may run again without harm."""
    return [statement.strip().replace(" BYTES", f" {bytes_type}") for statement in _TABLES.split("\n;\n")]
