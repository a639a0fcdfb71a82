#!/usr/bin/env python3
"""Where the simulator's time goes, by the part of the house that is at work: sampled with perf on one core, each sample counted
for the innermost of our own functions on its stack, so that what the C library does for a part is that part's.
Exit code: 0, or 1 if it could not be measured."""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # The checkout stays as it is.

import argparse
import collections
import json
import re
import subprocess
import tempfile
from pathlib import Path

# The first that fits, by the name of the function that is at work.
PARTS = [
    ("checkers", r"sim::(Checkers|ChangeChecker|StampChecker|HealthChecker|MemoryChecker|Reference|History|check_|.*[Ll]inear|Trace)"
                 r"|Invariants"),
    ("the simulated network", r"sim::Network"),
    ("the event heap", r"sim::Events"),
    ("simulated clients", r"sim::(Client|SessionClient|Operator|Planner|Restorer|Exchange|take_answer|.*_request|json_post|text_between)"),
    ("simulated machines and their disks", r"sim::(Host|Disk|Database|SimCrypto|difference)"),
    ("the rest of the simulated world", r"sim::"),
    ("checksums and hashes", r"patronus::(crc32c|hash64)|^crc32|XXH"),
    ("HTTP and the API", r"patronus::(http|api|json)::|HttpServer|llhttp"),
    ("passwords and tokens", r"patronus::auth::"),
    ("frames between nodes", r"patronus::(peer::|PeerLinks|encode_message|decode_message|.*[Mm]essage.*codec)|(de|en)code_message"),
    ("the log's format", r"patronus::wal::"),
    ("consensus", r"patronus::(Raft|Log|Progress|quorum|membership|Configuration|ReadRounds|Lineage|LeaderClock|Freshness|Contender|Founding)"),
    ("the state", r"patronus::(Store|Accounts|Members|Deduplication|KeyedWrites|LeaderHistory|Staging|Tables|Changes|Checkpointer|Projector"
                  r"|artefact|StateC|Projected|.*[Cc]ommand)"),
    ("the core's loop", r"patronus::Node|Visitors|ArtefactFetch|ArtefactOffers|Pending|SessionKeeper|Founding|Health"),
    ("the driver", r"patronus::(Driver|Gate)"),
    ("the rest of core and driver", r"patronus::"),
]
OURS = re.compile(r"(void |bool |auto )?patronus::|llhttp")


def part_of(function: str) -> str:
    return next((part for part, names in PARTS if re.search(names, function)), "elsewhere")


def own_name(function: str) -> str:
    """Without what it was called with, nor what it is a template of."""
    depth = 0
    kept = []
    for letter in re.sub(r"\[abi:\w+\]|\(anonymous namespace\)::", "", function):
        depth -= letter in ">)"
        if depth == 0 and letter not in ">)":
            kept.append(letter)
        depth += letter in "<("
    return "".join(kept).replace("<", "").replace("(", "").strip()


def samples(data: Path) -> list[list[str]]:
    """The stacks, innermost first."""
    script = subprocess.run(["perf", "script", "-i", str(data), "-F", "ip,sym"], capture_output=True, text=True, check=True).stdout
    stacks = [[re.sub(r"^\s*[0-9a-f]+ ", "", line) for line in stack.splitlines()] for stack in script.split("\n\n")]
    return [stack for stack in stacks if stack]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sim", help="patronus-sim")
    parser.add_argument("--seeds", default="1..400", help="that it runs (%(default)s)")
    parser.add_argument("--long", action="store_true", help="long worlds of five nodes")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table", help="table (default) or json")
    options = parser.parse_args()
    command = [options.sim, "--seeds", options.seeds, "--jobs", "1", "--check-every", "0"] + (["--long"] if options.long else [])
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "perf.data"
        ran = subprocess.run(["perf", "record", "-q", "-F", "199", "--call-graph", "dwarf,8192", "-o", str(data), *command],
                             capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            print(f"sim_profile: {' '.join(command)} under perf: {ran.stderr.strip()[-500:]}", file=sys.stderr)
            return 1
        stacks = samples(data)
    at_work = [next((name for name in map(own_name, stack) if OURS.match(name)), "elsewhere") for stack in stacks]
    parts = collections.Counter(map(part_of, at_work))
    functions = collections.Counter(at_work)
    speed = next((line for line in ran.stdout.splitlines() if "simulated seconds/s" in line), "")
    share = {part: count / len(stacks) for part, count in parts.most_common()}
    top = {name: count / len(stacks) for name, count in functions.most_common(20)}
    if options.output == "json":
        print(json.dumps({"samples": len(stacks), "speed": speed, "parts": share, "functions": top}))
        return 0
    print(f"{len(stacks)} samples of {' '.join(command)}\n{speed} (while perf looked on)\n")
    for part, of_all in share.items():
        print(f"{of_all:7.1%}  {part}")
    print("\nthe functions that are at work most, with what the C library does for them:")
    for name, of_all in top.items():
        print(f"{of_all:7.1%}  {name[:110]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
