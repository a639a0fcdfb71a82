#!/usr/bin/env python3
"""Takes one protection after the other out and asks the simulator to notice: mutants_test.py SIM [EVERY], of which only each
EVERYth is tried, as a sample.

Mutants that only make a cluster slow or stuck in shapes the world always heals are shown by unit tests instead
(tests/raft_scenarios_test.cpp, raft_failover_test, raft_membership_test, accounts_test, leader_clock_test, log_test, progress_test, staging_test, wal_test); the list says which.
"""

import statistics
import subprocess
import sys

# Within how many seeds the simulator must see each; most fall within the first fifty. Any change of a protocol deals other
# worlds to the seeds, so a bound near a mutant's usual number would fail by chance.
SEEDS = 2000

# The mutant, and what it breaks.
CAUGHT = [
    ("send-before-durable", "scenario 8: messages leave before what they promise is on disk"),
    ("vote-twice", "scenario 8: a vote for whoever asks"),
    ("ignore-stale-voter", "scenario 10: a voter with a stale term can't say yes"),
    ("append-without-check", "log matching: the previous entry is not compared"),
    ("leader-counts-undurable", "scenario 18: the leader counts entries that are not on its disk"),
    ("apply-undurable", "scenario 50: the state runs ahead of the node's own log"),
    ("checkpoint-undurable", "scenario 50: the image runs ahead of the node's own log"),
    ("cut-before-checkpoint", "scenario 21: the log is cut before a durable image holds what it made"),
    ("read-without-round", "scenario 32: a deposed leader serves reads"),
    ("read-before-term-commit", "scenario 32: a new leader serves reads before its first commit"),
    ("no-deduplication", "scenario 36: a write that comes twice is applied twice"),
    ("sequence-from-zero", "scenario 36: numbers of writes collide after a crash"),
    ("ignore-incarnation", "scenario 47: a wiped disk votes and acknowledges"),
    ("trust-old-disk", "scenario 49: a disk that went back in time votes and acknowledges"),
    ("forget-lives", "scenario 49: who was restarted no longer knows that a disk went back"),
    ("found-with-majority", "scenario 48: wiped nodes found a second cluster"),
    ("no-refresh-grace", "scenario 38: of two tabs that refresh at once one is logged out"),
    ("no-reuse-detection", "scenario 38: a stolen refresh token goes unnoticed"),
    ("vouch-for-ever", "scenario 39: a node that is cut off accepts what was revoked"),
    ("count-one-majority", "scenario 23: in a joint configuration the incoming decide alone"),
    ("learner-counts", "learners' acknowledgements count towards commit"),
    ("keep-truncated-config", "scenario 25: a truncated configuration stays in force"),
    ("change-before-own-term", "scenario 24: a leader changes the configuration before it knows which is in force"),
    ("promote-at-once", "an empty learner gets a vote, and the majority waits for it"),
    ("remove-unguarded", "scenario 27: a node is removed whatever becomes of the majority"),
    ("commit-by-one-less", "scenario 18: one voter less than a majority commits"),
    ("elect-by-one-less", "scenario 8: one voter less than a majority elects"),
    ("heed-old-term", "scenario 8: leaders and voters of earlier terms still count"),
    ("truncate-always", "log matching: an append that comes late cuts what came after it"),
    ("read-behind-index", "scenario 32: a read is answered before what it must see is applied"),
    ("read-at-applied", "scenario 32: a leader reads by what it has applied, not by what is committed"),
    ("keep-deleted", "a deletion is answered and not done"),
    ("forget-keyed-answers", "scenario 54: a write that is tried again under its key is done again"),
    ("answer-for-others", "scenario 36: a node takes the result of another one's write for that of its own"),
    ("end-no-session", "scenario 39: a logout is answered and not done"),
    ("forget-window-row", "scenario 36: which writes were applied does not get into the image"),
    ("forget-session-row", "scenario 51: sessions do not get into the image"),
    ("forget-erased-row", "what was deleted stays in the image"),
    ("forget-keyed-row", "scenario 54: kept answers do not get into the image"),
    ("forget-member-row", "who belongs does not get into the image"),
    ("ignore-expected", "a write that names the revision it expects is done whatever is there"),
    ("no-rotation", "scenario 38: a refresh gives the same refresh token again"),
    ("lease-counts-pause", "scenario 33: the time in which a leader's process stood still counts for leases"),
    ("forget-staged-row", "what is staged to be restored does not get into the image"),
    ("forget-restored-row", "scenario 51: what a restore deletes stays in the image"),
    ("restore-keeps-others", "scenario 51: keys that a snapshot lacks outlive its restore"),
    ("forget-table-row", "what the dashboard shows does not get into the image"),
    ("keep-staged-rows", "what a restore has staged stays in memory for ever"),
    ("ignore-taken-name", "two sites may have one name"),
    ("no-copy-on-write", "scenario 50: a checkpoint mixes rows of several moments"),
    ("give-unchecked", "a copy of a damaged image becomes another node's state"),
    ("keep-whole-log", "the log is never cut"),
    ("image-before-its-end", "scenario 21: the log is cut by an image of which only a part is there"),
]


def first_seed(sim: str, mutant: str) -> tuple[int, str] | None:
    run = subprocess.run([sim, "--mutant", mutant, "--seeds", f"1..{SEEDS}", "--jobs", "2", "--stop-at-first",
                          "--check-every", "0"], capture_output=True, text=True, check=False)
    found = [line for line in run.stderr.splitlines() if line.startswith("seed ")]
    if not found:
        return None
    seed, what = found[0][len("seed "):].split(":", 1)
    return int(seed), what.strip()


def main() -> int:
    sim = sys.argv[1]
    tried = CAUGHT[::int(sys.argv[2]) if len(sys.argv) > 2 else 1]
    missed = 0
    seeds = []
    for mutant, breaks in tried:
        found = first_seed(sim, mutant)
        missed += found is None
        if found:
            seeds.append(found[0])
        verdict = f"seed {found[0]}: {found[1][:90]}" if found else f"NOT CAUGHT within {SEEDS} seeds"
        print(f"{mutant:26} {verdict}\n{'':26} ({breaks})", flush=True)
    print(f"{len(tried) - missed} of {len(tried)} mutants caught"
          + (f"; seeds until then: median {statistics.median_low(seeds)}, worst {max(seeds)}" if seeds else ""))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
