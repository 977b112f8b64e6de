"""
Tables of a data lake: which Parquet files are the table *now*. Replaced and removed ones lie in the same folder.

Why not the readers' own scans: the files are then read, salvaged and split like any other Parquet. What a file alone does not
tell (rows deleted beside it, columns renamed since, values kept in the table's log only) is refused with the remedy.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stillwatch.errors import LogFormatError
from stillwatch.records.tables import EXCHANGES

_HARMLESS_DELTA = frozenset(  # features of a reader that change neither rows nor names; deletion vectors are looked for
    {"deletionVectors", "timestampNtz", "typeWidening", "v2Checkpoint", "vacuumProtocolCheck", "variantType"}
)
_NUMBER = 5  # Iceberg's metadata files: 00003-<uuid>.metadata.json, or v3.metadata.json


def table_files(folder: Path, columns: Collection[str]) -> list[str] | None:
    """
    The data files of a Delta or Iceberg table as of its newest version, sorted; None where the folder is no such table.

    Args:
        folder: Local folder.
        columns: Names by which the log's columns will be asked for, besides the canonical ones.

    Raises:
        LogFormatError: the reader's package is missing, or the table needs more than its files.
    """
    wanted = {*EXCHANGES.names, *columns}
    if (folder / "_delta_log").is_dir():
        return _delta_files(folder, wanted)
    metadata = [p for p in (folder / "metadata").glob("*.metadata.json") if (folder / "data").is_dir()]
    return _iceberg_files(folder, max(metadata, key=_version)) if metadata else None


def _version(metadata: Path) -> int:
    return int(metadata.name.lstrip("v").split("-")[0].split(".")[0])


def _delta_files(folder: Path, wanted: Collection[str]) -> list[str]:
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError
    except ImportError as missing:
        raise _without(folder, "Delta") from missing
    try:
        table = DeltaTable(str(folder))
        strange = sorted({*(table.protocol().reader_features or ())} - _HARMLESS_DELTA)
        if strange or table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
            raise LogFormatError(
                f"{folder}: this Delta table has {', '.join(strange) or 'columnMapping'}: its files alone are not the table. "
                "Copy it into a plain one: CREATE TABLE … AS SELECT"
            )
        if table.deletion_vectors().read_all().num_rows:
            raise LogFormatError(
                f"{folder}: rows of this Delta table were deleted beside its files. Rewrite them: REORG TABLE … APPLY (PURGE)"
            )
        kept_apart = sorted(set(table.metadata().partition_columns) & set(wanted))
        if kept_apart:
            raise LogFormatError(
                f"{folder}: this Delta table is partitioned by '{kept_apart[0]}', whose values are not in its files. "
                "Copy it into a table that is partitioned by a column that Stillwatch does not read"
            )
        return sorted(_local(uri) for uri in table.file_uris())
    except DeltaError as error:
        raise LogFormatError(f"{folder}: this Delta table cannot be read ({type(error).__name__}). Is its log whole?") from error


def _iceberg_files(folder: Path, metadata: Path) -> list[str]:
    try:
        from pyiceberg.table import StaticTable
    except ImportError as missing:
        raise _without(folder, "Iceberg") from missing
    table = StaticTable.from_metadata(str(metadata))
    names: dict[int, str] = {}
    for schema in table.metadata.schemas:
        for column in schema.fields:
            if names.setdefault(column.field_id, column.name) != column.name:
                raise LogFormatError(
                    f"{folder}: a column of this Iceberg table was renamed, and its older files still have the old name. "
                    "Rewrite them: CALL system.rewrite_data_files"
                )
    tasks: list[Any] = list(table.scan().plan_files())
    if any(task.delete_files for task in tasks):
        raise LogFormatError(
            f"{folder}: rows of this Iceberg table were deleted beside its files. Rewrite them: CALL system.rewrite_data_files"
        )
    return sorted(_local(task.file.file_path) for task in tasks)


def _local(uri: str) -> str:
    parsed = urlsplit(uri)
    return unquote(parsed.path) if parsed.scheme == "file" else uri


def _without(folder: Path, kind: str) -> LogFormatError:
    return LogFormatError(f"{folder}: is a table of {kind}. Install its reader with: pip install 'stillwatch[lake]'")
