"""On what a benchmark ran."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any


def filesystem_of(path: Path) -> str:
    """The type and device of the file system that holds the data, by the longest mount point above it."""
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        device, point, kind = line.split()[:3]
        if path.is_relative_to(point) and len(point) > len(best[0]):
            best = (point, f"{kind} on {device}")
    return best[1]


def describe_machine(data: Path) -> dict[str, Any]:
    return {"cpus": os.cpu_count(), "kernel": f"{platform.system()} {platform.release()}",
            "filesystem": filesystem_of(data), "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def etcd_version(binary: str) -> str:
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    return version.splitlines()[0].split(":")[-1].strip()
