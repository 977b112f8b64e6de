"""
Every error class of Stillwatch.

    StillwatchError
    ├── SettingsError      a setting is missing, unknown or out of range
    ├── LogFormatError     an input is no log that we read, or too little of it could be read
    │   └── BadLineError   one line gave no exchange; ingest sets the line aside and goes on
    ├── EngineError        a stage could not run: disk full, engine lost, table missing
    ├── DetectorError      a detector broke its contract
    ├── SharingError       an indicator may not leave, or may not come in
    └── LineageError       an operand of a lineage test cannot be used
        └── EndpointError      a model behind an address gave no usable answer; other tests go on
            └── QuestionError  it answers, but not this question; a test may ask another

A message says what, where, and what to do, and never quotes a customer's text. `ValueError` is for a wrong argument.
"""


class StillwatchError(Exception):
    """Base of all errors that Stillwatch raises on purpose; the command line prints it as one sentence."""


class SettingsError(StillwatchError):
    """A setting is missing, unknown or out of range."""


class LogFormatError(StillwatchError):
    """An input is no log that Stillwatch reads, or too little of it could be read."""


class BadLineError(LogFormatError):
    """One line of a log gave no exchange; the message is a reason that quotes nothing of it."""


class EngineError(StillwatchError):
    """A stage could not run: the disk is full, the engine was lost, a table is missing."""


class DetectorError(StillwatchError):
    """A detector broke its contract."""


class SharingError(StillwatchError):
    """An indicator may not leave the house, or may not come in."""


class LineageError(StillwatchError):
    """An operand of a lineage test cannot be used."""


class EndpointError(LineageError):
    """A model behind an address gave no usable answer after all tries; tests that do not need it go on."""


class QuestionError(EndpointError):
    """A model behind an address refuses one kind of question, or answers it with something else."""
