"""Reads the text format of Prometheus, strictly enough to notice when it is not."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)(?: (-?\d+))?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')
_TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}

Labels = tuple[tuple[str, str], ...]


@dataclass
class Metrics:
    types: dict[str, str] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    samples: dict[str, dict[Labels, float]] = field(default_factory=dict)

    def value(self, name: str) -> float:
        """Of a metric without labels."""
        assert name in self.samples, f"there is no metric {name}"
        return self.samples[name][()]

    def labelled(self, name: str) -> dict[Labels, float]:
        return self.samples.get(name, {})


def parse(text: str) -> Metrics:
    metrics = Metrics()
    assert text.endswith("\n"), "the last line has no end"
    for line in text.splitlines():
        if line.startswith("# "):
            _comment(metrics, line)
        elif line:
            _sample(metrics, line)
    _check(metrics)
    return metrics


def _comment(metrics: Metrics, line: str) -> None:
    words = line.split(" ", 3)
    if words[1] not in ("HELP", "TYPE"):
        return
    name, text = words[2], words[3] if len(words) > 3 else ""
    kept = metrics.types if words[1] == "TYPE" else metrics.helps
    assert name not in kept, f"{words[1]} of {name} twice"
    assert words[1] == "HELP" or text in _TYPES, line
    assert name not in metrics.samples, f"{words[1]} of {name} after its samples"
    kept[name] = text


def _sample(metrics: Metrics, line: str) -> None:
    match = _SAMPLE.fullmatch(line)
    assert match, f"not a sample: {line!r}"
    name, labels_text, value = match[1], match[2] or "", match[3]
    labels: list[tuple[str, str]] = []
    at = 0
    while at < len(labels_text):
        label = _LABEL.match(labels_text, at)
        assert label, f"not labels: {line!r}"
        labels.append((label[1], label[2]))
        at = label.end()
    key = tuple(sorted(labels))
    of_name = metrics.samples.setdefault(name, {})
    assert key not in of_name, f"the same sample twice: {line!r}"
    of_name[key] = float(value.replace("Inf", "inf").replace("NaN", "nan"))


def _family(metrics: Metrics, name: str) -> str:
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base != name and metrics.types.get(base) in ("histogram", "summary"):
            return base
    return name


def _check(metrics: Metrics) -> None:
    for name, values in metrics.samples.items():
        family = _family(metrics, name)
        assert family in metrics.types, f"{name} has no TYPE"
        assert metrics.helps.get(family), f"{name} has no HELP"
        if metrics.types[family] == "counter":
            assert name.endswith("_total"), f"the counter {name} does not end in _total"
            assert all(value >= 0 for value in values.values()), f"{name} is negative"
    for name, kind in metrics.types.items():
        if kind == "histogram":
            _check_histogram(metrics, name)


def _check_histogram(metrics: Metrics, name: str) -> None:
    """Buckets are cumulative and end with +Inf, which is the count."""
    for labels, count in metrics.labelled(f"{name}_count").items():
        buckets = [(float(dict(key)["le"].replace("Inf", "inf")), value)
                   for key, value in metrics.labelled(f"{name}_bucket").items()
                   if tuple(pair for pair in key if pair[0] != "le") == labels]
        values = [value for _, value in sorted(buckets)]
        assert values == sorted(values), f"the buckets of {name}{labels} are not cumulative"
        assert sorted(buckets)[-1] == (float("inf"), count), f"{name}{labels}: +Inf is not the count {count}"
