"""
Answers kept on disk, so that a run which was cut off goes on where it stopped and an evidence bundle can name what was said.

One line an answer, appended and flushed as it arrives; a last line that was torn by a crash is dropped. The key is a digest of
the question, never of the credential. The file is readable by its owner only: it holds what the suspect wrote.
"""

import base64
import hashlib
import os
import threading
from pathlib import Path

import orjson
import zstandard

from stillwatch.errors import LineageError
from stillwatch.lineage.transport import Reply

_LARGEST_BODY = 1 << 27  # what a stored answer may unpack to; more is no answer of ours


class Answers:
    """
    The answers of one endpoint, in memory and (with a path) on disk.

    Args:
        path: `.ndjson` file, made on the first answer; None keeps answers for this run only.

    Raises:
        LineageError: the file cannot be read, or a line other than the last is not ours.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept: dict[str, bytes] = {}
        if path is not None and path.exists():
            self._load(path)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, question: str) -> Reply | None:
        """The answer to a question asked before."""
        line = self._kept.get(question)
        return _reply(line) if line is not None else None

    def put(self, question: str, reply: Reply) -> None:
        """Keep an answer; written through to the disk before this returns."""
        body = base64.b64encode(zstandard.compress(reply.body)).decode("ascii")
        tree = {"question": question, "status": reply.status, "headers": dict(reply.headers), "body": body}
        line = orjson.dumps(tree, option=orjson.OPT_SORT_KEYS)
        with self._lock:
            self._kept[question] = line
            if self._path is not None:
                _append(self._path, line + b"\n")

    def digest(self) -> str:
        """SHA-256 over all answers in the order of their questions' digests."""
        total = hashlib.sha256()
        for question in sorted(self._kept):
            total.update(hashlib.sha256(self._kept[question]).digest())
        return total.hexdigest()

    def _load(self, path: Path) -> None:
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise LineageError(f"{path}: kept answers cannot be read ({error.strerror})") from error
        torn = lines.pop()
        for number, line in enumerate(lines, 1):
            try:
                self._kept[orjson.loads(line)["question"]] = line
                _reply(line)
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, zstandard.ZstdError) as error:
                raise LineageError(
                    f"{path}:{number}: not an answer kept by Stillwatch. Move the file away to ask anew"
                ) from error
        if torn:
            with path.open("rb+") as file:
                file.truncate(sum(len(line) + 1 for line in lines))


def question_digest(url: str, method: str, path: str, body: bytes, sample: int) -> str:
    """
    Names one question: where it goes, what it says, and which repetition it is.

    >>> question_digest("u", "POST", "/p", b"", 0) == question_digest("u", "POST", "/p", b"", 1)
    False
    """
    return hashlib.sha256(orjson.dumps([url, method, path, hashlib.sha256(body).hexdigest(), sample])).hexdigest()


def _reply(line: bytes) -> Reply:
    tree = orjson.loads(line)
    packed = base64.b64decode(tree["body"], validate=True)
    if zstandard.frame_content_size(packed) > _LARGEST_BODY:
        raise ValueError("a kept answer is larger than any answer is allowed to be")
    body = zstandard.decompress(packed, max_output_size=_LARGEST_BODY)
    return Reply(int(tree["status"]), {str(k): str(v) for k, v in tree["headers"].items()}, body)


def _append(path: Path, line: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "ab") as out:
            out.write(line)
    except OSError as error:
        raise LineageError(f"{path}: an answer cannot be kept ({error.strerror}). Free space, or pass another --out") from error
