#!/usr/bin/env python3
"""What production runs has no trace of what test builds have: no protection can be taken out, no rare turn made common."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def names_in(source: str) -> list[str]:
    names = re.findall(r'"([a-z]+(?:-[a-z]+)+)"', (ROOT / source).read_text())
    if len(names) < 20:
        sys.exit(f"{source} lists no names any more")
    return names


def main() -> int:
    names = names_in("core/base/mutant.cpp") + names_in("core/base/buggify.cpp")
    of_tests, of_production = (pathlib.Path(path).read_bytes() for path in sys.argv[1:3])
    missing = [name for name in names if name.encode() not in of_tests]
    left = [name for name in names if name.encode() in of_production]
    for name in missing:
        print(f"{name} is not in the build for tests, so that its absence elsewhere would show nothing")
    for name in left:
        print(f"{name} is in {sys.argv[2]}")
    print(f"{len(names)} names, {len(left)} of them in production's binary")
    return 1 if left or missing else 0


if __name__ == "__main__":
    sys.exit(main())
