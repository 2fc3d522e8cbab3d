"""The metrics in InfluxDB's line protocol: one line a sample, its name the measurement, its labels the tags, the number in ``value``.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prometheus_client import Metric

_MEASUREMENT: Final = str.maketrans({",": "\\,", " ": "\\ ", "\n": " ", "\r": " ", "\t": " "})
_TAG: Final = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\=", "\n": " ", "\r": " ", "\t": " "})


def lines(metrics: Iterable[Metric], at: float, host: str) -> bytes:
    """Every sample of the metrics, as of ``at`` (seconds since the epoch, written as whole seconds).

    ``host`` becomes a tag of each, so that several servers can write to one place.
    """
    moment = int(at)
    found = [
        line(sample.name, {"host": host, **sample.labels}, float(sample.value), moment)
        for metric in metrics
        for sample in metric.samples
        if isfinite(float(sample.value)) and not sample.name.endswith("_created")
    ]
    return "".join(found).encode()


def line(name: str, tags: Mapping[str, str], value: float, moment: int) -> str:
    """One sample. A tag without a value is left out: the protocol has none."""
    said = "".join(f",{_escaped(key)}={_escaped(text)}" for key, text in sorted(tags.items()) if text)
    return f"{name.translate(_MEASUREMENT)}{said} value={value!r} {moment}\n"


def _escaped(text: str) -> str:
    """A backslash at the end would escape what follows the tag."""
    escaped = text.translate(_TAG)
    return escaped + " ".translate(_TAG) if escaped.endswith("\\") else escaped
