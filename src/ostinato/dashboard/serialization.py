"""JSON of a committed prediction, for other programs."""

import json
import math
from typing import TYPE_CHECKING, Any

from ..store import Flag

if TYPE_CHECKING:
    from ..store import StoredPrediction, StoreHeader


def prediction_json(
    head: "StoreHeader", row: "StoredPrediction", digest: bytes | None, chained: bytes
) -> dict[str, Any]:
    """One prediction as a JSON object.

    key, time: of the event that it was made on; time in seconds since the Unix epoch.
    received, event: when that came in, and its values by column.
    numbers: by the names of the head's outputs; baselines: of each baseline a list as long as it has numbers.
    model: SHA-256 of the weights. hash: of the ledger up to here.
    flags: why it does not count, in words; counts: whether it does, as far as is known now.
    prepared, committed: when its group was about to be written, and when it was known to be on the disk, where that was
        noted already.

    Args:
        head: of the store.
        digest: of the model.
        chained: the hash.
    """
    names, each = head.baselines, len(row.baselines) // max(1, len(head.baselines))
    flags = [flag.name.lower() for flag in Flag if flag in row.flags and flag.name]
    beside = [_number(value) for value in row.baselines.tolist()]
    return {
        "key": row.key,
        "time": row.time,
        "received": row.received,
        "event": dict(zip(head.columns, map(_number, row.values), strict=True)),
        "numbers": dict(zip(head.outputs, map(_number, row.numbers.tolist()), strict=True)),
        "baselines": {name: beside[place * each : (place + 1) * each] for place, name in enumerate(names)},
        "model": digest.hex() if digest else None,
        "hash": chained.hex(),
        "flags": flags,
        "counts": not flags,
        "prepared": row.prepared,
        "committed": row.durable,
    }


def to_json(value: Any) -> str:
    """JSON in one line. Numbers that JSON cannot represent become null."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:  # seldom, so that nothing is looked through otherwise
        return json.dumps(_plain(value), separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
