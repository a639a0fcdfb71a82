#!/usr/bin/env python3
"""Sums up what testssl.sh wrote as JSON: counts by severity, every finding that is not OK or INFO. Exit code 1 if one
is above LOW, or if the scan did not get to its end."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

TOO_MUCH = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")
SHOWN = ("LOW", "WARN", *TOO_MUCH)
# Of the tests from the first to the last; a scan that was cut short found nothing only because it did not look.
MUST_BE_THERE = ("SSLv2", "TLS1_3", "cert_chain_of_trust", "cert_expirationStatus", "heartbleed", "LUCKY13", "scanTime")


def main() -> int:
    findings = json.loads(Path(sys.argv[1]).read_text())
    counts = Counter(finding["severity"] for finding in findings)
    print(", ".join(f"{count} {severity}" for severity, count in counts.most_common()))
    for finding in findings:
        if finding["severity"] in SHOWN:
            print(f"  {finding['severity']:<8} {finding['id']}: {finding['finding']}")
    seen = {finding["id"].split(" ")[0] for finding in findings}
    missing = [name for name in MUST_BE_THERE if name not in seen]
    if missing:
        print(f"  the scan did not get to its end: {', '.join(missing)} is missing")
    return 1 if missing or any(counts[severity] for severity in TOO_MUCH) else 0


if __name__ == "__main__":
    sys.exit(main())
