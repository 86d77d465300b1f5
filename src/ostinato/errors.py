"""Every error that ostinato raises on purpose.

    OstinatoError
    ├── ContractError           a layer was called in a way its contract forbids
    │   ├── ShapeError          x has the wrong axes or features
    │   ├── LengthsError        lengths do not describe the rows of x
    │   ├── StateError          the state belongs to another layer, batch or phase
    │   └── StreamingError      the layer cannot go on from here
    ├── ConfigError             an option or a field of a config is unknown or out of range
    ├── DataError               a data file or a table cannot be used
    │   └── ColumnError         a column is missing, ambiguous or not numeric
    ├── RunError                a run folder cannot be read or written
    │   ├── RunExistsError      the folder already holds a run
    │   └── BrokenRunError      what the folder holds is damaged, hostile or from another version
    ├── TrainingError           training cannot go on
    │   └── NonFiniteError      the loss became NaN or infinite
    ├── FeedError               a feed cannot be opened, or what it sends is not market data
    │   └── FeedRefusedError    the exchange refuses for good: an unknown symbol, a place it does not serve
    ├── StoreError              the live store cannot be read or written
    │   ├── BrokenStoreError    it is damaged, another run's or from another version
    │   ├── StoreFullError      the disk is full; nothing that was committed is lost
    │   └── StoreMovedError     its files were moved, removed or replaced while it was written
    ├── ListenError             a port is taken, or an address may not be listened on
    ├── ForkError               this process was forked from one whose threads or connections it would need
    ├── BackendError            the requested backend does not exist or cannot run here
    └── CheckError              a layer breaks a promise of the contract

A message is one sentence or two: what was wrong with which value, what is allowed, what to do.
The command line prints it without a traceback.
"""

import reprlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_quoting = reprlib.Repr()
_quoting.maxstring = _quoting.maxother = 80
shortened = _quoting.repr  # how a value from outside enters a message: one short, printable line


LONGEST_TEXT = 4_000  # characters of a note, a reason or a problem that comes from outside


def cut(text: str, most: int = LONGEST_TEXT) -> str:
    """A text from outside as it is kept and shown: so many characters at most, and where it was longer that is seen.

    >>> cut("a" * 100_000_000, 50)
    'aaaaaaaaaaaaaaaaaa … (cut: 100,000,000 characters)'
    >>> cut("short")
    'short'
    """
    if len(text) <= most:
        return text
    end = f" … (cut: {len(text):,} characters)"
    return text[: max(0, most - len(end))] + end


class OstinatoError(Exception):
    """Raised for everything that a caller can cause and mend."""


class ContractError(OstinatoError, ValueError):
    """A layer was called in a way its contract forbids."""


class ShapeError(ContractError):
    """x has the wrong axes or features."""


class LengthsError(ContractError):
    """Lengths do not describe the rows of x."""


class StateError(ContractError):
    """The state belongs to another layer, another batch or another phase."""


class StreamingError(ContractError):
    """The layer cannot go on from here."""


class ConfigError(OstinatoError, ValueError):
    """An option or a field of a config is unknown or out of range."""


class DataError(OstinatoError, ValueError):
    """A data file or a table cannot be used."""


class ColumnError(DataError):
    """A column is missing, ambiguous or not numeric."""


class RunError(OstinatoError):
    """A run folder cannot be read or written."""


class RunExistsError(RunError):
    """The folder already holds a run."""


class BrokenRunError(RunError):
    """What the folder holds is damaged, hostile or from another version."""


class TrainingError(OstinatoError):
    """Training cannot go on."""


class NonFiniteError(TrainingError):
    """The loss became NaN or infinite."""


class FeedError(OstinatoError):
    """A feed cannot be opened, or what it sends is not market data."""


class FeedRefusedError(FeedError):
    """The exchange refuses for good: an unknown symbol, a place it does not serve."""


class StoreError(OstinatoError):
    """The live store cannot be read or written."""


class BrokenStoreError(StoreError):
    """The store is damaged, another run's or from another version."""


class StoreFullError(StoreError):
    """The disk is full; nothing that was committed is lost."""


class StoreMovedError(StoreError):
    """Files of the store were moved, removed or replaced while it was written; the text says where the rows are."""


class ListenError(OstinatoError):
    """A port is taken, or an address may not be listened on."""


class ForkError(OstinatoError):
    """This process was forked from one whose threads or connections it would need."""


class BackendError(OstinatoError):
    """The requested backend does not exist or cannot run here."""


class CheckError(OstinatoError, AssertionError):
    """A layer breaks a promise of the contract."""


def did_you_mean(name: str, known: "Iterable[str]", cutoff: float = 0.5) -> str:
    """The words " Did you mean X?", or nothing where no name is near: the end of a message about an unknown name.

    Args:
        cutoff: how alike two names must be, 0 to 1.
    """
    import difflib  # only mistakes need it

    spelled = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), list(spelled), n=1, cutoff=cutoff)
    return f" Did you mean {spelled[close[0]]!r}?" if close else ""
