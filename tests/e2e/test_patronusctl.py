#!/usr/bin/env python3
"""patronusctl as an operator and a script meet it: what it makes, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import tempfile
from pathlib import Path

from case import Case, main
from certificates import run_ctl

OK, ERROR, USAGE, DEGRADED = 0, 1, 2, 3


class Tls(Case):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory(prefix="patronus-e2e-")
        self.addCleanup(holder.cleanup)
        self.directory = Path(holder.name) / "tls"

    def ctl(self, *arguments: str, code: int = OK) -> subprocess.CompletedProcess[str]:
        done = run_ctl(*arguments)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        if code in (ERROR, USAGE):
            self.assertRegex(done.stderr, r"\Apatronusctl: .+\n\Z", "one line that says why")
        return done

    def tls(self, verb: str, *arguments: str, code: int = OK) -> subprocess.CompletedProcess[str]:
        return self.ctl("tls", verb, "--dir", str(self.directory), *arguments, code=code)

    def mode(self, name: str) -> int:
        return stat.S_IMODE((self.directory / name).stat().st_mode)

    def shown(self, name: str, code: int = OK) -> dict[str, object]:
        done = self.ctl("tls", "show", str(self.directory / name), "-o", "json", code=code)
        shown: dict[str, object] = json.loads(done.stdout)["certificates"][0]
        return shown

    def test_init(self) -> None:
        self.tls("init")
        self.assertEqual({path.name for path in self.directory.iterdir()}, {"ca.key", "ca.crt", "cluster-secret"})
        self.assertEqual((self.mode("ca.key"), self.mode("ca.crt"), self.mode("cluster-secret")), (0o600, 0o644, 0o600))
        self.assertRegex((self.directory / "cluster-secret").read_text(), r"\A[0-9a-f]{64}\n\Z")
        self.assertIs(self.shown("ca.crt")["is_authority"], True)
        before = {path.name: path.read_bytes() for path in self.directory.iterdir()}
        line = self.tls("init", code=ERROR).stderr
        self.assertIn("not overwritten", line)
        self.assertEqual({path.name: path.read_bytes() for path in self.directory.iterdir()}, before)
        self.saw(line.strip()[-60:])

    def test_issue(self) -> None:
        self.tls("init", "--name", "Our CA")
        self.tls("issue", "--node", "dashboard1", "--name", "example.org", "--name", "10.0.0.1")
        self.assertEqual((self.mode("dashboard1.key"), self.mode("dashboard1.crt")), (0o600, 0o644))
        shown = self.shown("dashboard1.crt")
        self.assertEqual(shown["node"], "dashboard1")
        self.assertEqual(shown["names"], ["dashboard1", "example.org", "10.0.0.1"], "and no loopback name")
        self.assertIn("Our CA", str(shown["issuer"]))
        self.assertEqual(shown["days_left"], 365)
        verified = subprocess.run(["openssl", "verify", "-x509_strict", "-CAfile", str(self.directory / "ca.crt"),
                                   str(self.directory / "dashboard1.crt")], capture_output=True, text=True, timeout=30)
        self.assertEqual(verified.returncode, 0, verified.stderr)
        self.assertIn("renew", self.tls("issue", "--node", "dashboard1", code=ERROR).stderr)
        self.saw(str(shown["names"]))

    def test_issue_for_a_balancer(self) -> None:
        self.tls("init")
        self.tls("issue", "--host", "ha.example.org", "--name", "127.0.0.1")
        self.assertEqual(self.mode("ha.example.org.pem"), 0o600)
        bundle = (self.directory / "ha.example.org.pem").read_text()
        self.assertEqual(re.findall(r"BEGIN ([A-Z ]+)-", bundle), ["CERTIFICATE", "PRIVATE KEY"])
        shown = self.shown("ha.example.org.pem")
        self.assertIsNone(shown["node"])
        self.assertEqual(shown["names"], ["ha.example.org", "127.0.0.1"])
        self.saw(str(shown["names"]))

    def test_into_another_directory(self) -> None:
        self.tls("init")
        out = self.directory.with_name("for-n1")
        self.tls("issue", "--node", "n1", "--out", str(out))
        self.assertEqual({path.name for path in out.iterdir()}, {"n1.key", "n1.crt"})
        self.saw("key and certificate apart from the authority's")

    def test_renew(self) -> None:
        self.tls("init")
        self.tls("renew", "--node", "n1", code=ERROR)
        self.tls("issue", "--node", "n1", "--name", "example.org", "--days", "3")
        before, key = self.shown("n1.crt", code=DEGRADED), (self.directory / "n1.key").read_bytes()
        inode = (self.directory / "n1.crt").stat().st_ino
        self.tls("renew", "--node", "n1", "--name", "more.example.org")
        after = self.shown("n1.crt")
        self.assertEqual(set(after["names"]), {"n1", "example.org", "more.example.org"})  # type: ignore[call-overload]
        self.assertNotEqual(after["serial"], before["serial"])
        self.assertNotEqual((self.directory / "n1.key").read_bytes(), key)
        self.assertNotEqual((self.directory / "n1.crt").stat().st_ino, inode, "another file under the same name")
        self.assertEqual(self.mode("n1.key"), 0o600)
        self.assertEqual(len(list(self.directory.iterdir())), 5, "no drafts are left")
        self.saw(str(after["names"]))

    def test_show(self) -> None:
        self.tls("init")
        self.tls("issue", "--node", "fine")
        self.tls("issue", "--node", "soon", "--days", "14")
        self.tls("issue", "--node", "over", "--not-after", "2024-01-01T00:00:00Z")
        for name, code, status in (("fine", OK, "ok"), ("soon", DEGRADED, "expires soon"), ("over", DEGRADED, "expired")):
            self.assertEqual(self.shown(f"{name}.crt", code)["status"], status)
        table = self.ctl("tls", "show", str(self.directory / "fine.crt"), str(self.directory / "over.crt"),
                         code=DEGRADED).stdout
        for word in ("subject", "node", "names", "issuer", "not before", "not after", "days left", "2024-01-01"):
            self.assertIn(word, table)
        self.ctl("tls", "show", str(self.directory / "none"), code=ERROR)
        self.ctl("tls", "show", str(self.directory / "fine.key"), code=ERROR)
        self.saw("0 while it is fine, 3 in its last 14 days and after")

    def test_too_long_for_browsers(self) -> None:
        self.tls("init")
        self.assertIn("warning", self.tls("issue", "--node", "long", "--days", "399").stderr)
        self.assertEqual(self.tls("issue", "--node", "right", "--days", "398").stderr, "")
        self.assertIn("ends with its authority", self.tls("issue", "--node", "longest", "--days", "9999").stderr)
        self.saw("398 days are silent, 399 a warning")

    def test_wrong_usage(self) -> None:
        self.tls("issue", "--node", "n1", code=ERROR)  # There is no authority yet.
        self.tls("init")
        for arguments in (["--node", "a b"], ["--host", "a_b"], ["--node", "a", "--name", "no name"], [],
                          ["--node", "a", "--host", "b"], ["--node", "a", "--days", "many"], ["--node", "a", "--days", "0"],
                          ["--node", "a", "--not-after", "tomorrow"],
                          ["--node", "a", "--not-before", "2027-01-02T00:00:00Z", "--not-after", "2027-01-01T00:00:00Z"]):
            with self.subTest(arguments):
                line = self.tls("issue", *arguments, code=USAGE).stderr
        for given in ([], ["tls"], ["nonsense"], ["tls", "show"], ["tls", "init"], ["-o", "xml", "tls", "show", "x"]):
            with self.subTest(given):
                self.ctl(*given, code=USAGE)
        self.saw(line.strip())

    def test_help(self) -> None:
        for arguments in (["--help"], ["tls", "--help"], ["tls", "issue", "--help"]):
            text = self.ctl(*arguments).stdout
        self.assertIn("--name", text)
        about = self.ctl("tls", "--help").stdout
        self.assertIn("off the nodes", about)
        for name in ("PATRONUS_TLS_CERT", "PATRONUS_TLS_KEY", "PATRONUS_PEER_CA", "PATRONUS_CLUSTER_SECRET_FILE"):
            self.assertIn(name, about)
        self.assertRegex(self.ctl("--version").stdout, r"^patronusctl \d+\.\d+\.\d+")
        self.saw("says which file goes where")


if __name__ == "__main__":
    main()
