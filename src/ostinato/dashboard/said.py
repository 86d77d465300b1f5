"""A committed prediction as other programs get it: plain JSON with names."""

import json
import math
from typing import TYPE_CHECKING, Any

from ..store import Flag

if TYPE_CHECKING:
    from ..store import Head, StoredModel, StoredPrediction


class Speaker:
    """Turns predictions of one store into dicts for JSON.

    Args:
        head: of the store.
        models: those known; asked again when a new one speaks.
    """

    def __init__(self, head: "Head") -> None:
        self.head = head
        self.digests: dict[int, str] = {}

    def learn(self, models: "list[StoredModel]") -> None:
        """Take up the models of the store."""
        self.digests = {model.id: model.digest.hex() for model in models}

    def knows(self, rows: "list[StoredPrediction]") -> bool:
        """Whether the models of all these are known."""
        return all(row.model in self.digests for row in rows)

    def said(self, row: "StoredPrediction") -> dict[str, Any]:
        """One prediction.

        key, time: of the event that it was made on; time in seconds since the Unix epoch.
        event: that event's values by column.
        numbers: by the names of the head's outputs; baselines: of each baseline a list as long as it has numbers.
        model: SHA-256 of the weights. hash: of the ledger up to here.
        flags: why it does not count, in words; counts: whether it does, as far as is known now.
        prepared, committed: when its group was about to be written, and when it was known to be on the disk, where
            that was noted already.
        """
        names, each = self.head.baselines, max(1, len(row.baselines) // max(1, len(self.head.baselines)))
        flags = [flag.name.lower() for flag in Flag if flag in row.flags and flag.name]
        return {
            "key": row.key,
            "time": row.time,
            "received": row.received,
            "event": dict(zip(self.head.columns, map(_number, row.values), strict=True)),
            "numbers": dict(zip(self.head.outputs, map(_number, row.numbers.tolist()), strict=True)),
            "baselines": {
                name: [_number(value) for value in row.baselines[place * each : (place + 1) * each].tolist()]
                for place, name in enumerate(names)
            },
            "model": self.digests.get(row.model),
            "hash": None if (mark := getattr(row, "hash", None)) is None else mark.hex(),
            "flags": flags,
            "counts": not flags,
            "prepared": row.prepared,
            "committed": row.durable,
        }


def as_text(value: Any) -> str:
    """JSON of one line."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
