#!/usr/bin/env python3
"""A planted fault is made small: the tape that is left has few decisions, fails by the same checker, and gives the same
run every time. The runs are bounded here; without a bound less is left."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Found within a few seeds each, in different parts of the program.
MUTANTS = {"leader-counts-undurable": 20, "no-deduplication": 100}  # and how many decisions may be left

SEEDS = 60
RUNS = 4000


def run(sim: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sim, *arguments], capture_output=True, text=True, check=False)


def smallest(sim: str, mutant: str, directory: str) -> tuple[str, str]:
    """Of the seeds that fail the one whose world has decided least, and what fires there: which seeds fail is chance, and a
    large world takes long."""
    found = run(sim, "--mutant", mutant, "--seeds", f"1..{SEEDS}", "--jobs", "1", "--check-every", "0")
    seeds: list[tuple[str, str]] = re.findall(r"^seed (\d+): (\w+)", found.stderr, re.M)
    assert seeds, f"{mutant} is not found within {SEEDS} seeds"

    def decisions(seed: str) -> int:
        tape = Path(directory) / "whole"
        run(sim, "--mutant", mutant, "--seed", seed, "--keep-tape", str(tape))
        return len(tape.read_text().splitlines())

    return min(seeds, key=lambda one: decisions(one[0]))


def main() -> int:
    sim = sys.argv[1]
    wrong = 0
    for mutant, decisions_max in MUTANTS.items():
        with tempfile.TemporaryDirectory() as directory:
            seed, checker = smallest(sim, mutant, directory)
            tape = str(Path(directory) / "tape")
            made = run(sim, "--mutant", mutant, "--seed", seed, "--minimise", tape, "--runs", str(RUNS))
            left, before, runs = (int(n) for n in re.findall(
                r"(\d+) decisions of (\d+) are left after (\d+) runs", made.stdout)[0])
            again = [run(sim, "--mutant", mutant, "--tape", tape) for _ in range(2)]
            hashes = {re.findall(r"trace hash (\d+)", one.stdout)[0] for one in again}
            fires = all(f"violation: {checker}" in one.stdout for one in again)
            good = left < decisions_max and fires and len(hashes) == 1
            wrong += not good
            print(f"{mutant}: seed {seed}, {before} decisions, {left} are left after {runs} runs"
                  f"{'' if good else ' WRONG: ' + made.stdout + again[0].stdout}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
