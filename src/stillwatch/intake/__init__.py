"""
The way in: logs are read and signed in one pass, into the folder of one scan or into a store that scans add to.

Here the rooms ingest/ and signatures/ meet, as they meet nowhere below; `pipeline` calls this room first.
"""

from stillwatch.intake.adding import add
from stillwatch.intake.signing import SIGNED_TABLES, SignSplit, SplitReport
from stillwatch.intake.store import Bound, Store

__all__ = ["SIGNED_TABLES", "Bound", "SignSplit", "SplitReport", "Store", "add"]
