#!/usr/bin/env python3
"""Takes one protection after the other out and asks the simulator to notice.

Mutants that only make a cluster slow or stuck in shapes the world always heals are shown by unit tests instead
(tests/raft_scenarios_test.cpp, raft_failover_test, accounts_test, leader_clock_test, log_test, wal_test); the list says which.
"""

import subprocess
import sys

# The mutant, what it breaks, and within how many seeds the simulator must see it.
CAUGHT = [
    ("send-before-durable", "scenario 8: messages leave before what they promise is on disk", 100),
    ("vote-twice", "scenario 8: a vote for whoever asks", 300),
    ("ignore-stale-voter", "scenario 10: a voter with a stale term can't say yes", 100),
    ("append-without-check", "log matching: the previous entry is not compared", 2000),
    ("leader-counts-undurable", "scenario 18: the leader counts entries that are not on its disk", 100),
    ("apply-undurable", "scenario 50: the state runs ahead of the node's own log", 100),
    ("read-without-round", "scenario 32: a deposed leader serves reads", 500),
    ("read-before-term-commit", "scenario 32: a new leader serves reads before its first commit", 500),
    ("no-deduplication", "scenario 36: a write that comes twice is applied twice", 500),
    ("sequence-from-zero", "scenario 36: numbers of writes collide after a crash", 500),
    ("ignore-incarnation", "scenario 47: a wiped disk votes and acknowledges", 500),
    ("found-with-majority", "scenario 48: wiped nodes found a second cluster", 500),
    ("no-refresh-grace", "scenario 38: of two tabs that refresh at once one is logged out", 100),
    ("no-reuse-detection", "scenario 38: a stolen refresh token goes unnoticed", 300),
    ("count-one-majority", "scenario 23: in a joint configuration the incoming decide alone", 500),
    ("learner-counts", "learners' acknowledgements count towards commit", 500),
    ("keep-truncated-config", "scenario 25: a truncated configuration stays in force", 2000),
    ("change-before-own-term", "scenario 24: a leader changes the configuration before it knows which is in force", 1000),
    ("promote-at-once", "an empty learner gets a vote, and the majority waits for it", 2000),
    ("outsider-keeps-quiet", "scenario 26: whom its log has taken out does not campaign", 3000),
    ("remove-unguarded", "scenario 27: a node is removed whatever becomes of the majority", 2000),
    ("vouch-for-ever", "scenario 39: a node that is cut off accepts what was revoked", 2000),
]


def first_seed(sim: str, mutant: str, seeds: int) -> tuple[int, str] | None:
    run = subprocess.run([sim, "--mutant", mutant, "--seeds", f"1..{seeds}", "--jobs", "2", "--stop-at-first",
                          "--check-every", "0"], capture_output=True, text=True, check=False)
    found = [line for line in run.stderr.splitlines() if line.startswith("seed ")]
    if not found:
        return None
    seed, what = found[0][len("seed "):].split(":", 1)
    return int(seed), what.strip()


def main() -> int:
    sim = sys.argv[1]
    missed = 0
    for mutant, breaks, seeds in CAUGHT:
        found = first_seed(sim, mutant, seeds)
        missed += found is None
        verdict = f"seed {found[0]}: {found[1][:90]}" if found else f"NOT CAUGHT within {seeds} seeds"
        print(f"{mutant:26} {verdict}\n{'':26} ({breaks})", flush=True)
    print(f"{len(CAUGHT) - missed} of {len(CAUGHT)} mutants caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
