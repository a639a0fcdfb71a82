#!/usr/bin/env python3
"""patronusctl as an operator and a script meet it: what it makes, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from case import Case, main
from certificates import run_ctl

OK, ERROR, USAGE, DEGRADED = 0, 1, 2, 3
DAY = 86_400  # seconds


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
        self.assertEqual({path.name for path in self.directory.iterdir()}, {"ca.key", "ca.crt", "ca.crl", "cluster-secret"})
        self.assertEqual(self.mode("ca.crl"), 0o644)
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
        started = int(time.time())
        shown = self.shown("dashboard1.crt")
        self.assertEqual(shown["node"], "dashboard1")
        self.assertEqual(shown["names"], ["dashboard1", "example.org", "10.0.0.1"], "and no loopback name")
        self.assertIn("Our CA", str(shown["issuer"]))
        ends = int(datetime.fromisoformat(str(shown["not_after"]).replace("Z", "+00:00")).timestamp())
        # Whole days are left of the 365, as of some second since it was asked for.
        self.assertIn(shown["days_left"], {(ends - now) // DAY for now in (started, int(time.time()))})
        self.assertLess(365 * DAY - (ends - started), 60)
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
        self.assertEqual(len(list(self.directory.iterdir())), 6, "no drafts are left")
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

    def shown_list(self, code: int = OK) -> dict[str, Any]:
        done = self.ctl("tls", "show", str(self.directory / "ca.crl"), "-o", "json", code=code)
        shown: dict[str, Any] = json.loads(done.stdout)["revocation_lists"][0]
        return shown

    def verify(self, name: str) -> str:
        """What openssl makes of a certificate and the list."""
        done = subprocess.run(["openssl", "verify", "-x509_strict", "-crl_check", "-CRLfile",
                               str(self.directory / "ca.crl"), "-CAfile", str(self.directory / "ca.crt"),
                               str(self.directory / name)], capture_output=True, text=True, timeout=30)
        return done.stdout + done.stderr

    def test_revoke(self) -> None:
        self.tls("init")
        authority = json.loads(self.ctl("tls", "show", str(self.directory / "ca.crt"), "-o", "json").stdout)
        first = self.shown_list()
        self.assertEqual((first["number"], first["revoked"]), (1, []))
        self.assertEqual(first["next_update"], authority["certificates"][0]["not_after"], "no chore for the operator")
        for node in ("n1", "n2", "n3"):
            self.tls("issue", "--node", node)
        self.tls("issue", "--host", "ha.example.org")
        self.assertIn("n1.crt: OK", self.verify("n1.crt"))
        before = self.shown("n1.crt")["serial"]
        self.assertIn("revokes node n1", self.tls("revoke", "n1").stdout)
        self.assertIn("certificate revoked", self.verify("n1.crt"))
        self.assertIn("n2.crt: OK", self.verify("n2.crt"))
        # By serial, as openssl prints it too; by host; by file.
        serial = str(self.shown("n2.crt")["serial"])
        self.tls("revoke", ":".join(serial[i:i + 2] for i in range(0, 32, 2)).lower())
        self.tls("revoke", "ha.example.org")
        self.tls("revoke", str(self.directory / "n3.crt"))
        for name in ("n2.crt", "n3.crt", "ha.example.org.pem"):
            self.assertIn("certificate revoked", self.verify(name))
        last = self.shown_list()
        self.assertEqual((last["number"], len(last["revoked"])), (5, 4))
        self.assertEqual({one["serial"] for one in last["revoked"]} & {before, serial}, {before, serial})
        self.assertEqual(self.mode("ca.crl"), 0o644)
        # Twice is once; and what is issued anew is good.
        self.assertIn("already", self.tls("revoke", "n1").stdout)
        self.assertEqual(self.shown_list()["number"], 5)
        self.tls("renew", "--node", "n1")
        self.assertIn("n1.crt: OK", self.verify("n1.crt"))
        self.assertEqual(len(list(self.directory.iterdir())), 4 + 3 * 2 + 1, "no drafts are left")
        self.saw(f"list {last['number']} revokes {len(last['revoked'])}")

    def test_show_what_is_revoked(self) -> None:
        self.tls("init")
        self.tls("issue", "--node", "n1")
        self.tls("revoke", "n1")
        files = [str(self.directory / name) for name in ("n1.crt", "ca.crl")]
        self.assertEqual(self.shown("n1.crt")["status"], "ok", "which it says of itself")
        both = json.loads(self.ctl("tls", "show", *files, "-o", "json", code=DEGRADED).stdout)
        self.assertEqual(both["certificates"][0]["status"], "revoked")
        table = self.ctl("tls", "show", *files, code=DEGRADED).stdout
        for word in ("revokes for", "number", "next due", str(both["certificates"][0]["serial"])):
            self.assertIn(word, table)
        self.saw("a certificate beside its list is shown as revoked, exit code 3")

    def test_a_fresh_list(self) -> None:
        self.tls("init")
        self.tls("issue", "--node", "n1")
        self.tls("revoke", "n1")
        self.tls("crl", "--days", "14")
        soon = self.shown_list(code=DEGRADED)
        self.assertEqual((soon["number"], len(soon["revoked"]), soon["status"]), (3, 1, "expires soon"))
        self.tls("crl")
        self.assertEqual(self.shown_list()["number"], 4)
        # Where there is none, one is begun, and that is said.
        (self.directory / "ca.crl").unlink()
        self.assertIn("begun that revokes nothing", self.tls("crl").stderr)
        self.assertEqual(self.shown_list()["revoked"], [])
        # What is not its own is never signed as if it were.
        other = self.directory.with_name("other")
        self.ctl("tls", "init", "--dir", str(other))
        (self.directory / "ca.crl").write_bytes((other / "ca.crl").read_bytes())
        line = self.tls("crl", code=ERROR).stderr
        self.assertIn("not signed by the authority", line)
        self.saw(line.strip()[-80:])

    def test_what_can_not_be_revoked(self) -> None:
        self.tls("revoke", "n1", code=ERROR)  # There is no authority yet.
        self.tls("init")
        for name in ("nobody", "12:34", "0" * 31, "../x"):
            with self.subTest(name):
                line = self.tls("revoke", name, code=ERROR).stderr
        self.assertIn("can't revoke itself", self.tls("revoke", "ca", code=ERROR).stderr)
        other = self.directory.with_name("other")
        self.ctl("tls", "init", "--dir", str(other))
        self.ctl("tls", "issue", "--dir", str(other), "--node", "n1")
        self.assertIn("another authority", self.tls("revoke", str(other / "n1.crt"), code=ERROR).stderr)
        self.tls("revoke", code=USAGE)
        self.tls("crl", "--days", "-1", code=USAGE)
        self.assertEqual(self.shown_list()["number"], 1)
        self.saw(line.strip()[-80:])

    def test_where_the_list_is(self) -> None:
        self.tls("init", "--crl-url", "https://dashboard.example.org/pki/ca.crl")
        url = lambda name: self.shown(name)["crl_url"]
        self.tls("issue", "--node", "n1", "--name", "example.org")
        self.assertEqual(url("n1.crt"), "https://dashboard.example.org/pki/ca.crl")
        self.tls("issue", "--node", "n2", "--crl-url", "http://example.org/x")
        self.tls("renew", "--node", "n2")
        self.assertEqual(url("n2.crt"), "http://example.org/x", "a renewed one says what it said before")
        self.tls("issue", "--node", "n3", "--crl-url", "none")
        self.assertIsNone(url("n3.crt"))
        # Without a word it is where a node or a balancer serves it by itself.
        (self.directory / "crl-url").unlink()
        for arguments, expected in ((("--node", "a", "--name", "*.example.org", "--name", "a.example.org"),
                                     "https://a.example.org:8443/pki/ca.crl"),
                                    (("--node", "b"), "https://b:8443/pki/ca.crl"),
                                    (("--node", "c", "--name", "::1"), "https://[::1]:8443/pki/ca.crl"),
                                    (("--node", "d_d"), None)):
            self.tls("issue", *arguments)
            self.assertEqual(url(f"{arguments[1]}.crt"), expected)
        self.tls("issue", "--host", "ha.example.org", "--name", "127.0.0.1")
        self.assertEqual(url("ha.example.org.pem"), "https://ha.example.org/pki/ca.crl")
        for wrong in ("example.org", "ftp://example.org/", "https://a b/"):
            line = self.tls("issue", "--node", "e", "--crl-url", wrong, code=USAGE).stderr
        self.saw(line.strip())

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
        for name in ("PATRONUS_TLS_CERT", "PATRONUS_TLS_KEY", "PATRONUS_PEER_CA", "PATRONUS_TLS_CRL",
                     "PATRONUS_CLUSTER_SECRET_FILE"):
            self.assertIn(name, about)
        self.assertRegex(self.ctl("--version").stdout, r"^patronusctl \d+\.\d+\.\d+")
        self.saw("says which file goes where")


if __name__ == "__main__":
    main()
