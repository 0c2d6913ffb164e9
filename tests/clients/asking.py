"""What the scripts share: where the bridge is, what to ask so that the stand-in answers as wanted, and the report."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

BASE_URL = sys.argv[1]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def directive(**spec: Any) -> str:
    return f"standin: {json.dumps(spec)}"


def calling(name: str, /, *then: dict[str, Any], **arguments: Any) -> str:
    """A question that is answered with a call, and its result with the first of `then`."""
    return directive(tools=[{"name": name, "input": arguments}], then=list(then))


OVERLOADED = directive(error={"status": 529, "type": "overloaded_error", "message": "Too busy."})


def failure(ask: Callable[[], object]) -> dict[str, Any]:
    """What the client raises; nothing where it raises nothing."""
    try:
        ask()
    except Exception as error:
        return described(error)
    return {}


def described(error: Exception) -> dict[str, Any]:
    """Whose class an error is, its name, the status in it, and its words."""
    package = type(error).__module__.split(".")[0]
    status = getattr(error, "status_code", None)
    return {"package": package, "class": type(error).__name__, "status": status, "message": str(error)}


def report(**found: Any) -> None:
    print(json.dumps(found))
