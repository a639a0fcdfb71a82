#!/usr/bin/env python3
"""Runs all end-to-end tests, two files at a time, and sums up."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True  # The checkout stays as it is.

HERE = Path(__file__).resolve().parent
# The longest first, so that no long one begins when all others are done.
LONGEST_FIRST = ["test_partition", "test_founding", "test_hostile", "test_storm"]
# unittest's dots stand before it.
WHAT_A_TEST_SAW = re.compile(r"[.sFE]*(  test_.*)")


@dataclass
class Outcome:
    name: str
    code: int
    seconds: float
    output: str


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", nargs="?", help="the patronusd to test (PATRONUSD, or build/patronusd)")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="files at a time (2)")
    parser.add_argument("-k", "--only", default="", help="only files whose name contains this")
    parser.add_argument("--timeout", type=float, default=180, help="seconds for one file (180)")
    parser.add_argument("--repeat", type=int, default=1, help="run everything so often (1)")
    return parser.parse_args()


def test_files(only: str) -> list[Path]:
    def rank(path: Path) -> tuple[int, str]:
        known = path.stem in LONGEST_FIRST
        return (LONGEST_FIRST.index(path.stem) if known else len(LONGEST_FIRST), path.stem)

    return sorted((path for path in HERE.glob("test_*.py") if only in path.stem), key=rank)


def run_file(path: Path, environment: dict[str, str], timeout: float) -> Outcome:
    began = time.monotonic()
    with subprocess.Popen([sys.executable, str(path)], env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        try:
            output, _ = process.communicate(timeout=timeout)
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.terminate()  # On this it ends its nodes; they die with it in any case.
            try:
                output, _ = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
            code = -1
            output += f"\nended after {timeout:.0f} s\n"
    return Outcome(path.stem, code, time.monotonic() - began, output)


def show(outcome: Outcome) -> None:
    verdict = "ok" if outcome.code == 0 else "FAILED"
    print(f"== {outcome.name}: {verdict} in {outcome.seconds:.1f} s", flush=True)
    for line in outcome.output.splitlines():
        seen = WHAT_A_TEST_SAW.fullmatch(line)
        if outcome.code != 0 or seen:
            print(seen[1] if seen else line)
    sys.stdout.flush()


def main() -> int:
    arguments = parse_arguments()
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    if arguments.binary:
        environment["PATRONUSD"] = str(Path(arguments.binary).resolve())
    began = time.monotonic()
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        files = test_files(arguments.only) * arguments.repeat
        running = [pool.submit(run_file, path, environment, arguments.timeout) for path in files]
        for done in as_completed(running):
            outcomes.append(done.result())
            show(outcomes[-1])
    failed = sorted({outcome.name for outcome in outcomes if outcome.code != 0})
    print(f"== {len(outcomes) - sum(outcome.code != 0 for outcome in outcomes)} of {len(outcomes)} files passed in "
          f"{time.monotonic() - began:.1f} s" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
