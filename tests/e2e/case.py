"""What all test files share: a line of what was seen for each test, and the logs when one fails."""

from __future__ import annotations

import signal
import sys
import time
import unittest
from typing import Any, NoReturn, Optional

from client import Answer
from cluster import Cluster, binary


class Case(unittest.TestCase):
    """A test that says in one line what it saw."""

    maxDiff = 2000
    _began = 0.0

    def run(self, result: Optional[unittest.TestResult] = None) -> Optional[unittest.TestResult]:
        self._began = time.monotonic()
        return super().run(result)

    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def saw(self, text: str) -> None:
        outcome = getattr(self, "_outcome", None)
        if outcome is not None and not outcome.success:
            return  # A subtest has failed, so this is not what was seen.
        print(f"  {self._testMethodName}: {text} [{self.elapsed():.2f} s]", flush=True)

    def assert_status(self, answer: Answer, *expected: int) -> Answer:
        self.assertIn(answer.status, expected, f"expected {expected}, got {answer}")
        if answer.status >= 400:
            answer.problem()
        return answer

    def assert_problem(self, answer: Answer, status: int) -> dict[str, Any]:
        """An error with all that the contract promises of one."""
        self.assertEqual(answer.status, status, str(answer))
        fields = answer.problem()
        promised = {"type", "title", "status", "code", "detail", "request_id", "retryable", "maybe_applied", "leader",
                    "errors"}
        self.assertEqual(promised - fields.keys(), set(), f"the problem lacks what is promised: {fields}")
        self.assertEqual(fields["request_id"], answer.headers.get("x-request-id"))
        self.assertTrue(fields["code"] and fields["detail"], fields)
        return fields


class SharedClusterCase(Case):
    """Tests that share one cluster, because they leave it as they found it."""

    cluster: Cluster

    @classmethod
    def setUpClass(cls) -> None:
        # Nothing here waits for an election, so no noise of the machine shall cause one.
        cls.cluster = Cluster(election_timeout="3s", heartbeat_interval="200ms").start()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.cluster.close()

    def run(self, result: Optional[unittest.TestResult] = None) -> Optional[unittest.TestResult]:
        failures = _failures(result)
        returned = super().run(result)
        if _failures(result) > failures:
            self.cluster.print_logs()
        return returned


def _failures(result: Optional[unittest.TestResult]) -> int:
    return len(result.failures) + len(result.errors) if result is not None else 0


def _on_terminate(_number: int, _frame: object) -> NoReturn:
    raise SystemExit("ended by SIGTERM")


def main() -> None:
    """Runs the tests of the calling file."""
    # So that a test that takes too long and is ended by its runner still ends its nodes and removes its files.
    signal.signal(signal.SIGTERM, _on_terminate)
    if not binary().exists():
        sys.exit(f"{binary()} does not exist; build it or set PATRONUSD")
    unittest.main(module="__main__", verbosity=1)
