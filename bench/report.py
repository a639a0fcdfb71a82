"""What the runs came to, as text for people."""

from __future__ import annotations

from statistics import median
from typing import Any, Iterable, Optional

Run = dict[str, Any]
COLUMNS = ("patronus", "patronus-leader", "etcd-json", "etcd-grpc")
LABELS = {"patronus": "patronus, all nodes", "patronus-leader": "patronus, leader only",
          "etcd-json": "etcd JSON, all nodes", "etcd-grpc": "etcd gRPC, all nodes"}
PERCENTILES = ("p50", "p90", "p99", "p99_9", "max")


def chosen(runs: Iterable[Run], op: str, clients: int, column: str) -> list[Run]:
    return [run for run in runs if (run["op"], run["clients"], run["column"]) == (op, clients, column)]


def summarise(runs: list[Run]) -> Optional[dict[str, float]]:
    """The median over the rounds, of every figure by itself; errors are added up."""
    if not runs:
        return None
    result = {name: median(run["latency_us"][name] for run in runs) for name in PERCENTILES}
    result["rps"] = median(run["requests_per_s"] for run in runs)
    result["cpu"] = median(run["cpu_us_per_request"] for run in runs)
    result["load"] = median(run["load_cpu_share"] for run in runs)
    result["errors"] = sum(run["errors"] for run in runs)
    result["objections"] = sum(len(run["objections"]) for run in runs)
    return result


def ratio(a: Optional[float], b: Optional[float]) -> str:
    return f"{a / b:.2f}" if a and b else "-"


def text_table(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + row[0].ljust(widths[0]) + "".join("  " + cell.rjust(width) for cell, width in
                                                      zip(row[1:], widths[1:])) for row in rows]


def cell_table(runs: list[Run], op: str, clients: int) -> list[str]:
    rows = [["", "requests/s", "p50 us", "p90", "p99", "p99.9", "max", "CPU us/req", "load CPU", "errors"]]
    summaries = {column: summarise(chosen(runs, op, clients, column)) for column in COLUMNS}
    for column, summary in summaries.items():
        if summary is None:
            continue
        rows.append([LABELS[column], f"{summary['rps']:,.0f}"] + [f"{summary[name]:,.0f}" for name in PERCENTILES] +
                    [f"{summary['cpu']:,.0f}", f"{summary['load']:.0%}", f"{summary['errors']:,.0f}"])
    lines = text_table(rows)
    ours = summaries["patronus"]
    for column in ("etcd-json", "etcd-grpc"):
        theirs = summaries[column]
        if ours and theirs:
            lines.append(f"  patronus (all nodes) / {LABELS[column].split(',')[0]}: requests/s x "
                         f"{ratio(ours['rps'], theirs['rps'])}, p50 x {ratio(ours['p50'], theirs['p50'])}, "
                         f"p99 x {ratio(ours['p99'], theirs['p99'])}, CPU per request x "
                         f"{ratio(ours['cpu'], theirs['cpu'])}")
    return lines


def one_client_lines(runs: list[Run], disk: list[dict[str, float]]) -> list[str]:
    if not disk:
        return []
    floor = median(one["p50_us"] for one in disk)
    tail = median(one["p99_us"] for one in disk)
    low, high = min(one["p50_us"] for one in disk), max(one["p50_us"] for one in disk)
    lines = ["", f"The machine's own fdatasync of 400 bytes appended: p50 {floor:,.0f} us, p99 {tail:,.0f} us "
                 f"(median of {len(disk)}; p50 from {low:,.0f} to {high:,.0f})"]
    for column in COLUMNS:
        summary = summarise(chosen(runs, "write", 1, column))
        if summary:
            lines.append(f"  one client's write, p50 over it: {LABELS[column]:<22} x {summary['p50'] / floor:.2f}")
    return lines


def memory_lines(memory: dict[str, dict[str, list[float]]]) -> list[str]:
    rows = [["MB resident per node", "at rest", "after the load"]]
    for system, figures in memory.items():
        rows.append([system] + [" / ".join(f"{mb:.1f}" for mb in figures.get(when, [])) for when in
                                ("at_rest", "after_load")])
    return [""] + text_table(rows)


def idle_lines(runs: list[Run]) -> list[str]:
    lines = []
    for system in ("patronus", "etcd"):
        shares = [run["idle_cpu_share"][system] for run in runs if system in run["idle_cpu_share"]]
        if shares:
            lines.append(f"  {system} while the other was under load: {median(shares):.1%} of one core (three nodes)")
    return ["", "Taken by the system that was not under measure, median over the runs:"] + lines if lines else []


def target_lines(runs: list[Run], disk: list[dict[str, float]], memory: dict[str, dict[str, list[float]]]) -> list[str]:
    """Against the figures the design sets itself; each is stated as met or missed."""
    lines: list[str] = []

    def judge(what: str, value: float, good: bool) -> None:
        lines.append(f"  {'met   ' if good else 'MISSED'}  {what}: {value:.2f}")

    for op in ("write", "read"):
        ours = summarise(chosen(runs, op, 64, "patronus"))
        for column in ("etcd-json", "etcd-grpc"):
            theirs = summarise(chosen(runs, op, 64, column))
            if ours and theirs and theirs["rps"]:
                factor = ours["rps"] / theirs["rps"]
                judge(f"64 clients, {op}s per second over {LABELS[column].split(',')[0]}'s (10 wanted)", factor,
                      factor >= 10)
    for column in ("patronus", "patronus-leader"):
        single = summarise(chosen(runs, "write", 1, column))
        if single and single["p50"] and disk:
            factor = single["p50"] / median(one["p50_us"] for one in disk)
            judge(f"one client's write p50 over fdatasync p50, {LABELS[column]} (2 wanted)", factor, factor <= 2)
    if "patronus" in memory:
        most = max(memory["patronus"]["at_rest"])
        judge("MB a node at rest (under 30 wanted)", most, most < 30)
    return ["", "Against the design's own targets:"] + lines if lines else []


def render(result: dict[str, Any]) -> str:
    runs, disk, memory = result["runs"], result["disk"], result["memory"]
    about = result["about"]
    lines = [f"Three nodes each on one machine: {about['cpus']} CPUs, {about['kernel']}, "
             f"data on {about['filesystem']}; etcd {about.get('etcd_version', 'absent')}",
             f"{about['keys']:,} keys, values of 256 bytes, {about['seconds']:g} s a run, median of {about['rounds']} "
             f"rounds. CPU us/req: of all three nodes together;",
             "load CPU: the share of one core that the load generator took on the same machine."]
    if len(about["systems"]) > 1:
        lines.append("Both clusters run all the time and one at a time is loaded, the two in turn for every line.")
    for op in about["ops"]:
        for clients in about["clients"]:
            lines += ["", f"{'Durable write' if op == 'write' else 'Linearizable read'}, {clients} "
                          f"client{'s' if clients > 1 else ''}"]
            lines += cell_table(runs, op, clients)
    lines += one_client_lines(runs, disk) + memory_lines(memory) + idle_lines(runs)
    lines += target_lines(runs, disk, memory)
    if result["notes"]:
        lines += ["", "Notes:"] + ["  " + note for note in result["notes"]]
    return "\n".join(lines)
