#!/usr/bin/env python3
"""libFuzzer on tapes of the simulator, from nothing, on mutants; beside random seeds in the same time.

Each finding of libFuzzer is a tape: it is replayed by patronus-sim, which is built by another compiler without
instruments, and must fail there as well, and must not without the mutant.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Of those that the simulator catches, some that take a certain turn of events: an order of messages, a crash at a
# certain moment, a change of members meanwhile.
MUTANTS = ["commit-by-one-less", "heed-old-term", "truncate-always", "read-without-round", "read-before-term-commit",
           "no-deduplication", "keep-truncated-config", "remove-unguarded", "image-before-its-end", "vouch-for-ever"]


def fuzz(options: argparse.Namespace, mutant: str, directory: Path) -> tuple[float | None, int, str]:
    """Seconds until a checker fired, runs made, and what patronus-sim makes of the tape."""
    corpus = directory / "corpus"
    corpus.mkdir()
    start = time.monotonic()
    run = subprocess.run(
        [options.fuzzer, f"-max_total_time={options.seconds}", f"-seed={options.seed}", "-len_control=0", "-max_len=1000000",
         "-timeout=300", "-rss_limit_mb=4096", "-print_final_stats=1", f"-artifact_prefix={directory}/", str(corpus)],
        env=os.environ | {"PATRONUS_MUTANT": mutant}, capture_output=True, text=True, errors="replace", check=False)
    took = time.monotonic() - start
    units = re.findall(r"stat::number_of_executed_units:\s*(\d+)", run.stderr)
    runs = int(units[0]) if units else 0
    tapes = sorted(directory.glob("crash-*"))
    violations = re.findall(r"^violation: (.*)", run.stderr, re.M)
    if not tapes or not violations:
        if run.returncode != 0:
            print(run.stderr[-2000:], file=sys.stderr)
        return None, runs, ""
    # libFuzzer begins with no bytes at all, which stand for the tape without decisions.
    if tapes[0].stat().st_size == 0:
        tapes[0].write_text("patronus-tape 2\n")

    def replay(*arguments: str) -> str:
        return subprocess.run([options.sim, *arguments, "--tape", str(tapes[0])], capture_output=True, text=True,
                              check=False).stdout

    checker = violations[0].split(":")[0]
    same = f"violation: {checker}" in replay("--mutant", mutant)
    sound = "violation:" not in replay()
    if options.keep:
        tapes[0].rename(Path(options.keep) / f"{mutant}.tape")
    return took, runs, checker + ("" if same else ", NOT SO in a replay") + ("" if sound else ", ALSO WITHOUT the mutant")


def seeds(options: argparse.Namespace, mutant: str) -> tuple[float | None, int]:
    """Seconds until a checker fired, and for which seed."""
    start = time.monotonic()
    process = subprocess.Popen([options.sim, "--mutant", mutant, "--seeds", "1..1000000000", "--jobs", "1", "--stop-at-first",
                                "--check-every", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _, said = process.communicate(timeout=options.seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        _, said = process.communicate()
    took = time.monotonic() - start
    found = re.findall(r"^seed (\d+):", said, re.M)
    done = re.findall(r"(\d+) of \d+ seeds", said)
    return (took, int(found[0])) if found else (None, int(done[-1]) if done else 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fuzzer", help="tape_fuzz, built with PATRONUS_FUZZ and PATRONUS_MUTANTS")
    parser.add_argument("sim", help="patronus-sim, built with PATRONUS_MUTANTS")
    parser.add_argument("--seconds", type=int, default=600, help="at most, for each mutant and either way (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="libFuzzer's (%(default)s)")
    parser.add_argument("--mutants", nargs="+", default=MUTANTS, metavar="MUTANT")
    parser.add_argument("--keep", help="a directory for the tapes that were found")
    options = parser.parse_args()
    if options.keep:
        Path(options.keep).mkdir(parents=True, exist_ok=True)
    print(f"{'mutant':26} {'libFuzzer':>20} {'random seeds':>20}   what fired", flush=True)
    by_fuzzer = by_seeds = 0
    wrong = False
    for mutant in options.mutants:
        with tempfile.TemporaryDirectory() as directory:
            took, runs, fired = fuzz(options, mutant, Path(directory))
        seeds_took, seed = seeds(options, mutant)
        by_fuzzer += took is not None
        by_seeds += seeds_took is not None
        wrong = wrong or "NOT SO" in fired or "WITHOUT" in fired
        fuzzed = f"{took:.1f} s, {runs} runs" if took is not None else f"- ({runs} runs)"
        seeded = f"{seeds_took:.1f} s, {seed} seeds" if seeds_took is not None else f"- ({seed} seeds)"
        print(f"{mutant:26} {fuzzed:>20} {seeded:>20}   {fired}", flush=True)
    print(f"{by_fuzzer} of {len(options.mutants)} found by libFuzzer, {by_seeds} by random seeds, in {options.seconds} s each")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
