#!/usr/bin/env python3
"""The core knows only the standard library and itself: no clock, thread, I/O or randomness of it."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = {
    "algorithm", "array", "bit", "chrono", "cmath", "compare", "cstddef", "cstdint", "cstdlib", "cstring", "deque",
    "functional", "iterator", "limits", "map", "memory", "optional", "set", "span", "string", "string_view",
    "tuple", "utility", "variant", "vector",
}
FORBIDDEN_WORDS = re.compile(r"\b(steady_clock|system_clock|high_resolution_clock|random_device|unordered_\w+|"
                             r"thread|mutex|printf|fopen)\b")


def faults(path: pathlib.Path) -> list[str]:
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path.relative_to(ROOT)}:{number}"
        include = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if include and include[1] == "<" and include[2] not in ALLOWED:
            found.append(f"{where} includes <{include[2]}>")
        if include and include[1] == '"' and not include[2].startswith("core/"):
            found.append(f'{where} includes "{include[2]}"')
        code = line.split("//")[0]
        if FORBIDDEN_WORDS.search(code):
            found.append(f"{where} uses {FORBIDDEN_WORDS.search(code)[0]}")
    return found


def main() -> int:
    files = sorted((ROOT / "core").rglob("*.[hc]*"))
    found = [fault for path in files for fault in faults(path)]
    print("\n".join(found) or f"{len(files)} files under core/ are pure")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
