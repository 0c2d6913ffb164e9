"""How well the bridge fills gaps: asks the thirty of `infill_cases`, prints what came, and how many are right.

python -m tests.infill.fill_gaps [BASE_URL] [MODEL]

It needs a checkout of the sources with the tests' packages, and a running bridge that is signed in: the answers count
against its plan, thirty short ones. Exit code: 0 if all are right, 1 if some are not, 2 if they could not be asked.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from tests.infill.infill_cases import CASES, Case

Ask = Callable[[str, str], str]


class NotAskedError(Exception):
    """The bridge did not answer, and why."""


def asker(base_url: str, model: str) -> Ask:
    """Ask /completions of this bridge for the text between two others."""

    def ask(before: str, after: str) -> str:
        body = json.dumps({"model": model, "prompt": before, "suffix": after, "max_tokens": 200}).encode()
        headers = {"content-type": "application/json", "authorization": "Bearer not-needed"}
        request = urllib.request.Request(f"{base_url}/completions", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return str(json.load(response)["choices"][0]["text"])
        except urllib.error.HTTPError as refused:
            raise NotAskedError(f"{base_url} refuses: {json.load(refused)['error']['message']}") from refused
        except OSError as unreachable:
            raise NotAskedError(
                f"No bridge answers at {base_url}: {unreachable}. Start one with `tray-bridge serve`, or give its "
                "address: python -m tests.infill.fill_gaps http://127.0.0.1:8000/v1 haiku"
            ) from unreachable

    return ask


def fill(case: Case, ask: Ask) -> str:
    before, _, after = case.parts
    return ask(before, after)


def main(base_url: str = "http://127.0.0.1:8000/v1", model: str = "haiku") -> int:
    ask, right, took = asker(base_url, model), 0, []
    for number, case in enumerate(CASES, 1):
        began = time.perf_counter()
        middle = fill(case, ask)
        took.append(time.perf_counter() - began)
        is_right = case.is_right(middle)
        right += is_right
        wanted = "" if is_right else f"   (expected {case.parts[1]!r})"
        print(f"{number:2} {case.language:6} {'right' if is_right else 'WRONG'} {took[-1]:5.1f} s  {middle!r}{wanted}")
    print(f"{right} of {len(CASES)} right; half of them within {sorted(took)[len(took) // 2]:.1f} s")
    return 0 if right == len(CASES) else 1


if __name__ == "__main__":
    if len(sys.argv) > 3 or any(argument.startswith("-") for argument in sys.argv[1:]):
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except NotAskedError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
