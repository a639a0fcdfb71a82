"""What failover.py saw, as a table, and how it compares with what is aimed at."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Optional

from strikes import Seen

Figures = dict[str, Optional[float]]


@dataclass
class Series:
    """The rounds of one kind, as one of its clients saw them."""

    key: str
    label: str
    rounds: list[Seen]

    def next_writes(self) -> Figures:
        return figures([one.next_write for one in self.rounds])

    def gaps(self) -> Figures:
        return figures([one.gap for one in self.rounds])

    def usual(self) -> Optional[float]:
        return figures([one.usual for one in self.rounds])["median"]

    def failures(self) -> dict[str, int]:
        return dict(sum((Counter(one.failures) for one in self.rounds), Counter()))

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "label": self.label, "next_write_ms": self.next_writes(), "gap_ms": self.gaps(),
                "failures": self.failures(), "rounds": [one.as_json() for one in self.rounds]}


@dataclass
class Aim:
    """An upper bound in milliseconds, and what was measured; None where nothing was."""

    what: str
    below_ms: float
    measured_ms: Optional[float]

    @property
    def met(self) -> bool:
        return self.measured_ms is not None and self.measured_ms < self.below_ms

    def as_json(self) -> dict[str, Any]:
        return {"what": self.what, "below_ms": self.below_ms, "measured_ms": self.measured_ms, "met": self.met}


def figures(seconds: list[Optional[float]]) -> Figures:
    """Median, 90th percentile (nearest rank) and worst in milliseconds; what never came counts as endless, and an
    endless figure is None."""
    values = sorted(math.inf if one is None else 1000 * one for one in seconds)
    if not values:
        return {"median": None, "p90": None, "worst": None}
    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
    chosen = {"median": middle, "p90": values[math.ceil(0.9 * len(values)) - 1], "worst": values[-1]}
    return {name: round(value, 3) if math.isfinite(value) else None for name, value in chosen.items()}


def ratio_lines(series: dict[str, Series]) -> list[str]:
    lines = []
    for ours, theirs, what in (("patronus-kill", "etcd-kill", "kill -9, client that waits"),
                               ("patronus-kill-impatient", "etcd-kill-impatient", "kill -9, client that gives up"),
                               ("patronus-handover", "etcd-handover", "SIGTERM, client that waits"),
                               ("patronus-handover-impatient", "etcd-handover-impatient",
                                "SIGTERM, client that gives up")):
        if ours in series and theirs in series:
            pick = Series.gaps if "handover" in ours else Series.next_writes
            mine, other = pick(series[ours]), pick(series[theirs])
            factors = ", ".join(f"{name} x {other[name] / mine[name]:,.1f}" for name in ("median", "worst")
                                if mine[name] and other[name])
            lines.append(f"  {what}: {factors or 'no figure'}")
    return ["", "etcd's time over ours (more than 1: ours is sooner):"] + lines if lines else []


def cell(value: Optional[float]) -> str:
    return "-" if value is None else f"{value:,.1f}"


def table(series: list[Series]) -> list[str]:
    rows = [["", "rounds", "median", "p90", "worst", "median", "p90", "worst", "usual"]]
    for one in series:
        rows.append([one.label, str(len(one.rounds))] +
                    [cell(value) for part in (one.next_writes(), one.gaps()) for value in part.values()] +
                    [cell(one.usual())])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]

    def line(cells: list[str]) -> str:
        return "  " + cells[0].ljust(widths[0]) + "".join(
            "  " + text.rjust(width) for text, width in zip(cells[1:], widths[1:]))

    def centred(column: int, title: str) -> str:
        width = sum(widths[column:column + 3]) + 4
        return title.center(width)

    head = " " * (2 + widths[0] + 2 + widths[1] + 2) + centred(2, "next write, ms") + "  " + \
        centred(5, "longest gap, ms") + "  " + "write".rjust(widths[8])
    return [head] + [line(row) for row in rows]


def failure_lines(series: list[Series]) -> list[str]:
    lines = [f"  {one.label}: " + ", ".join(f"{what} x {count}" for what, count in sorted(one.failures().items()))
             for one in series if one.failures()]
    return ["", "Attempts around the strikes that ended without success (and were repeated):"] + lines if lines else []


def render(about: dict[str, Any], series: list[Series], aims: list[Aim], notes: list[str]) -> str:
    lines = [f"Three nodes each on one machine: {about['cpus']} CPUs, {about['kernel']}, "
             f"data on {about['filesystem']}.",
             f"patronus: election timeout {about['election_timeout_s']:g} s, {about['links']}; "
             f"etcd {about.get('etcd_version', 'absent')}: its defaults (election timeout 1 s), plain.",
             "One client writes 256 bytes after the other through a node that stays, over one connection.",
             "Next write: from the strike to the first acknowledgement of a write begun after it.",
             "Longest gap: between two acknowledgements around the strike. Write: the usual time of one, median.", ""]
    lines += table(series) + ratio_lines({one.key: one for one in series}) + failure_lines(series)
    lines += ["", "Aims:"]
    for aim in aims:
        measured = "not measured" if aim.measured_ms is None else f"{aim.measured_ms:,.1f} ms"
        lines.append(f"  {'met   ' if aim.met else 'MISSED'}  {aim.what}, under {aim.below_ms:,.0f} ms: {measured}")
    if notes:
        lines += ["", "Notes:"] + ["  " + note for note in notes]
    return "\n".join(lines)
