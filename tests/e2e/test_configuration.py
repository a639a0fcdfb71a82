#!/usr/bin/env python3
"""A wrong setting stops the node at once with one line that says what is wrong and what would do."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Mapping, Sequence

from case import Case, main
from cluster import CLUSTER_SECRET, Node, binary, clean_environment
from ports import Ports
from waiting import PATIENCE, wait_for

WRONG_SETTING = 2
REFUSAL_SECONDS = 10.0


@dataclass(frozen=True)
class Wrong:
    variable: str
    value: str
    remedy: str  # what the line must name as something that would do


ADDRESS = r"127\.0\.0\.1:\d+"
WRONG_VALUES = [
    Wrong("NODE_ID", "has space", "dashboard1"),
    Wrong("NODE_ID", "n" * 64, "63"),
    Wrong("NODE_ID", "a=b", "dashboard1"),
    Wrong("LISTEN_PLAIN", "8081", ADDRESS),
    Wrong("LISTEN_PLAIN", "127.0.0.1", ADDRESS),
    Wrong("LISTEN_PLAIN", "127.0.0.1:", ADDRESS),
    Wrong("LISTEN_PLAIN", "127.0.0.1:0", ADDRESS),
    Wrong("LISTEN_PLAIN", "127.0.0.1:65536", ADDRESS),
    Wrong("LISTEN_PLAIN", "127.0.0.1:http", ADDRESS),
    Wrong("LISTEN_PLAIN", "0.0.0.0:8081", ADDRESS),
    Wrong("LISTEN_PLAIN", "192.0.2.1:8081", ADDRESS),
    Wrong("LISTEN_PLAIN", "[::]:8081", ADDRESS),
    Wrong("LISTEN_PLAIN", "example.org:8081", ADDRESS),
    Wrong("LISTEN_PLAIN", "127.0.0.example:8081", ADDRESS),  # a name, whoever it may belong to
    Wrong("PEER_ADDR", "7443", ADDRESS),
    Wrong("PEER_ADDR", "0.0.0.0:7443", ADDRESS),
    Wrong("PEER_ADDR", "192.0.2.1:7443", ADDRESS),
    Wrong("PEERS", "n2", "id=host:port"),
    Wrong("PEERS", "n2=127.0.0.1", "id=host:port"),
    Wrong("PEERS", "n 2=127.0.0.1:1", "id=host:port"),
    Wrong("PEERS", "n2=127.0.0.1:1,,n3=127.0.0.1:2", "id=host:port"),
    Wrong("PEERS", "n2=127.0.0.1:1,n2=127.0.0.1:2", "once"),
    Wrong("PEERS", ",".join(f"p{number}=127.0.0.1:{number}" for number in range(1, 8)), "7"),
    Wrong("PEERS", "dns:nodes", "dns:name:port"),
    Wrong("PEERS", "dns:127.0.0.1:7443", "dns:name:port"),
    Wrong("PEERS", "dns:nodes:7443,n2=127.0.0.1:1", "id=host:port"),
    Wrong("FOUNDING_NODES", "3", "1"),
    Wrong("FOUNDING_NODES", "all", "1"),
    Wrong("ELECTION_TIMEOUT", "soon", "500ms"),
    Wrong("ELECTION_TIMEOUT", "-5", "500ms"),
    Wrong("ELECTION_TIMEOUT", "0.5", "500ms"),
    Wrong("ELECTION_TIMEOUT", "5 s", "500ms"),
    Wrong("ELECTION_TIMEOUT", "1d", "500ms"),
    Wrong("ELECTION_TIMEOUT", "99999999999999999999", "500ms"),
    Wrong("ELECTION_TIMEOUT", "0", "50ms"),
    Wrong("ELECTION_TIMEOUT", "1ms", "50ms"),
    Wrong("ELECTION_TIMEOUT", "1h", "60s"),
    Wrong("HEARTBEAT_INTERVAL", "never", "500ms"),
    Wrong("HEARTBEAT_INTERVAL", "0", "100ms"),
    Wrong("HEARTBEAT_INTERVAL", "101ms", "100ms"),
    Wrong("DATA_DIR", "", "/"),
    Wrong("LOG_LEVEL", "loud", "info"),
    Wrong("DRAIN_GRACE", "soon", "500ms"),
    Wrong("DRAIN_GRACE", "1h", "5m"),
    Wrong("SESSION_IDLE", "1m", "2m"),
    Wrong("SESSION_LIFE", "1m", "8784h"),
    Wrong("TRUSTED_PROXIES", "10.0.0.0/33", "/"),
]


class ConfigurationCase(Case):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory(prefix="patronus-e2e-")
        self.addCleanup(holder.cleanup)
        self.directory = Path(holder.name)
        self.ports = Ports()
        self.addCleanup(self.ports.release)

    def good(self, **changes: str) -> dict[str, str]:
        """Settings of a node that would start, with changes by their names without PATRONUS_."""
        values = {"NODE_ID": "n1", "LISTEN_PLAIN": f"127.0.0.1:{self.ports.take()}",
                  "PEER_ADDR": f"127.0.0.1:{self.ports.take()}", "PEERS": "", "ELECTION_TIMEOUT": "500ms",
                  "HEARTBEAT_INTERVAL": "100ms", "DATA_DIR": str(self.directory / "data"),
                  "CLUSTER_SECRET": CLUSTER_SECRET, **changes}
        return {f"PATRONUS_{name}": value for name, value in values.items()}

    def run_to_end(self, environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run([str(binary()), *arguments], env=clean_environment(environment), capture_output=True,
                                  text=True, stdin=subprocess.DEVNULL, timeout=REFUSAL_SECONDS * PATIENCE)
        except subprocess.TimeoutExpired as running:
            raise AssertionError(f"it runs: {(running.stderr or b'')[-500:]!r}") from None

    def refused(self, environment: Mapping[str, str], *arguments: str, code: int = WRONG_SETTING) -> str:
        """Checks that the node does not start, and returns its one line."""
        ended = self.run_to_end(environment, *arguments)
        lines = ended.stderr.splitlines()
        self.assertEqual(ended.returncode, code, ended.stderr)
        self.assertEqual(len(lines), 1, f"not one line but {lines}")
        self.assertEqual(ended.stdout, "")
        return lines[0]

    @contextmanager
    def running(self, environment: Mapping[str, str], arguments: Sequence[str] = ()) -> Iterator[str]:
        """A node that does start; gives the id it answers with."""
        port = self.port_of(environment)
        log = self.directory / "log"
        with log.open("ab") as output:
            process = subprocess.Popen([str(binary()), *arguments], env=clean_environment(environment), stderr=output,
                                       stdout=output, stdin=subprocess.DEVNULL)
        try:
            node = Node("probe", self.directory / str(port), port, 0)
            wait_for("the node to be ready", node.is_ready)
            yield str(node.ask("GET", "/health").json()["node"])
            process.terminate()
            self.assertEqual(process.wait(REFUSAL_SECONDS * PATIENCE), 0)
        except BaseException:
            print(log.read_text()[-3000:])
            raise
        finally:
            process.kill()
            process.wait()

    @staticmethod
    def port_of(environment: Mapping[str, str]) -> int:
        return int(environment["PATRONUS_LISTEN_PLAIN"].rsplit(":", 1)[1])


class WrongSettings(ConfigurationCase):
    def test_every_wrong_value(self) -> None:
        for wrong in WRONG_VALUES:
            with self.subTest(f"{wrong.variable}={wrong.value[:40]}"):
                line = self.refused(self.good(**{wrong.variable: wrong.value}))
                self.assertIn(f"PATRONUS_{wrong.variable}", line)
                # Of a list it is enough to name the part that is wrong.
                parts = [part for part in wrong.value.split(",") if part] or [""]
                self.assertTrue(any(part in line for part in parts), line)
                self.assertRegex(line.replace(f"'{wrong.value}'", ""), wrong.remedy)
        self.saw(f"{len(WRONG_VALUES)} refused, the last with: {line}")

    def test_wrong_values_as_flags(self) -> None:
        for name, value in (("--election-timeout", "soon"), ("--listen-plain", "0.0.0.0:1"), ("--node-id", "a b")):
            line = self.refused(self.good(), name, value)
            self.assertIn(value, line)
        self.saw(line)

    def test_nothing_given(self) -> None:
        line = self.refused({"PATRONUS_DATA_DIR": str(self.directory / "data"), "PATRONUS_CLUSTER_SECRET": CLUSTER_SECRET})
        self.assertIn("PATRONUS_LISTEN_PLAIN", line)
        self.saw(line)

    def test_unknown_flags(self) -> None:
        for arguments in (["--election-timeot", "5"], ["serve"], ["-x"], ["--node-id"]):
            with self.subTest(arguments):
                line = self.refused(self.good(), *arguments)
                self.assertIn(arguments[0], line)
        self.saw(line)

    def test_files(self) -> None:
        missing = self.good()
        del missing["PATRONUS_NODE_ID"]
        line = self.refused({**missing, "PATRONUS_NODE_ID_FILE": str(self.directory / "none")})
        self.assertIn("PATRONUS_NODE_ID_FILE", line)
        self.assertIn(str(self.directory / "none"), line)
        line = self.refused(self.good(), "--config", str(self.directory / "none"))
        self.assertIn(str(self.directory / "none"), line)
        file = self.directory / "config"
        twice = "PATRONUS_NODE_ID=a\nPATRONUS_NODE_ID=b\n"
        for text in ("PATRONUS_NODE_IDD=n1\n", "nonsense\n", "NODE_ID=n1\n", twice):
            file.write_text(text)
            line = self.refused(self.good(), "--config", str(file))
            self.assertIn(str(file), line)
            self.assertIn(text.splitlines()[-1], line)
        self.saw(line)

    def test_places_where_no_data_can_be(self) -> None:
        file = self.directory / "file"
        file.write_text("x")
        for place in (str(file), str(file / "below"), "/proc/patronus"):
            with self.subTest(place):
                ended = self.run_to_end(self.good(DATA_DIR=place))
                self.assertNotEqual(ended.returncode, 0)
                self.assertGreater(ended.returncode, 0, "refused, not crashed")
                self.assertEqual(len(ended.stderr.splitlines()), 1, ended.stderr)
                self.assertIn(place, ended.stderr)
        self.saw(ended.stderr.strip())


class GoodSettings(ConfigurationCase):
    def test_help_and_version(self) -> None:
        usage = self.run_to_end({}, "--help")
        self.assertEqual((usage.returncode, usage.stderr), (0, ""))
        for name in ("NODE_ID", "LISTEN_PLAIN", "PEER_ADDR", "PEERS", "DATA_DIR", "ELECTION_TIMEOUT",
                     "HEARTBEAT_INTERVAL"):
            self.assertIn(f"PATRONUS_{name}", usage.stdout)
            self.assertIn("--" + name.lower().replace("_", "-"), usage.stdout)
        version = self.run_to_end({}, "--version")
        self.assertEqual((version.returncode, version.stderr), (0, ""))
        self.assertRegex(version.stdout, r"^patronusd \d+\.\d+\.\d+")
        self.saw(version.stdout.strip())

    def test_precedence(self) -> None:
        file = self.directory / "config"
        environment = self.good()
        del environment["PATRONUS_NODE_ID"]
        file.write_text("# who we are\n\nPATRONUS_NODE_ID=from-file\n")
        named = {**environment, "PATRONUS_NODE_ID": "from-environment"}
        config, flag = ["--config", str(file)], ["--node-id", "from-flag"]
        none: list[str] = []
        # The last one has the host's name, whatever that is.
        steps = [("from-flag", named, config + flag), ("from-environment", named, config),
                 ("from-file", environment, config), ("", environment, none)]
        seen = []
        for number, (expected, given, arguments) in enumerate(steps):
            # A data directory belongs to the name under which it was first used.
            data = {"PATRONUS_DATA_DIR": str(self.directory / f"data{number}")}
            with self.running({**given, **data}, arguments) as name:
                seen.append(name)
                if expected:
                    self.assertEqual(name, expected)
        self.assertNotIn(seen[3], seen[:3])
        self.saw(" > ".join(seen))

    def test_value_from_a_file(self) -> None:
        secret = self.directory / "id"
        secret.write_text("from-secret-file\n")
        environment = self.good()
        del environment["PATRONUS_NODE_ID"]
        with self.running({**environment, "PATRONUS_NODE_ID_FILE": str(secret)}) as name:
            self.assertEqual(name, "from-secret-file")
        line = self.refused({**self.good(), "PATRONUS_NODE_ID_FILE": str(secret)})
        self.assertIn("PATRONUS_NODE_ID", line)
        self.saw(f"{name}; and both at once: {line}")

    def test_flag_with_an_equals_sign(self) -> None:
        with self.running(self.good(), ["--node-id=from-flag"]) as name:
            self.assertEqual(name, "from-flag")
        self.saw(name)

    def test_variables_of_others_are_no_error(self) -> None:
        """Kubernetes adds variables for each service, and a service may be called patronus."""
        with self.running({**self.good(), "PATRONUS_SERVICE_HOST": "10.0.0.1", "PATRONUS_PORT": "tcp://10.0.0.1:1"}):
            self.saw("started")


class TakenThings(ConfigurationCase):
    def test_data_directory_of_another_process(self) -> None:
        first = self.good()
        with self.running(first):
            ended = self.run_to_end(self.good())
            lines = ended.stderr.splitlines()
            self.assertGreater(ended.returncode, 0)
            self.assertEqual(len(lines), 1, lines)
            self.assertIn("PATRONUS_DATA_DIR", lines[0])
            self.assertIn(first["PATRONUS_DATA_DIR"], lines[0])
        with self.running(first):
            pass  # The lock went with its holder.
        self.saw(lines[0])

    def test_ports_of_another_process(self) -> None:
        first = self.good()
        with self.running(first):
            for name in ("LISTEN_PLAIN", "PEER_ADDR"):
                taken = first[f"PATRONUS_{name}"]
                ended = self.run_to_end(self.good(DATA_DIR=str(self.directory / name), **{name: taken}))
                # It may have said before that it starts; that it can't is one line.
                lines = [line for line in ended.stderr.splitlines() if '"level":"info"' not in line]
                self.assertGreater(ended.returncode, 0)
                self.assertEqual(len(lines), 1, lines)
                self.assertIn(f"PATRONUS_{name}", lines[0])
                self.assertIn(taken, lines[0])
        self.saw(lines[0])


if __name__ == "__main__":
    main()
