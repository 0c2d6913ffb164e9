"""The limits of a key as the page sends them, checked against the models and dialects that there are.

What the key has already stays allowed: a key can be paused though the account has lost one of its models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from ...bridge import all_dialects
from ...bridge.fields import read_integer, refuse, shown
from ...errors import ModelNotFoundError
from ...machine.api_keys import KeyLimits

MOST_A_DAY = 10**12
MOST_NAMES = 100


class LimitsBody(BaseModel):
    """The body of the request. A field that is missing stays as it is; null is no limit."""

    model_config = ConfigDict(extra="forbid", strict=True)

    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    models: list[str] | None = None
    dialects: list[str] | None = None
    paused: bool = False


def limits_of(body: LimitsBody, before: KeyLimits, check_model: Callable[[str], object]) -> KeyLimits:
    """Give the new limits; raises InvalidRequestError. `check_model` raises ModelNotFoundError for an unknown name."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    for name in ("requests_per_day", "tokens_per_day"):
        if name in given and given[name] != getattr(before, name):
            _check_number(given[name], name)
    for name, check in (("models", _model_check(check_model)), ("dialects", _check_dialect)):
        if name in given:
            given[name] = _names(given[name] or (), name, getattr(before, name), check)
    return before._replace(**given)


def _check_number(value: int | None, param: str) -> None:
    if value == 0:
        refuse(f"`{param}` must be 1 or more.", param, hint="To refuse every request of the key, pause it.")
    read_integer(value, param, least=1, most=MOST_A_DAY)


def _names(
    given: Sequence[str], param: str, before: Sequence[str], check: Callable[[str, str], object]
) -> tuple[str, ...]:
    """Give the names without blanks around them, each once."""
    if len(given) > MOST_NAMES:
        refuse(f"`{param}` may have {MOST_NAMES} names, not {len(given)}.", param)
    names = [name if name in before else name.strip() for name in given]
    for number, name in enumerate(names):
        if name not in before:
            check(name, f"{param}[{number}]")
    return tuple(dict.fromkeys(names))


def _model_check(check_model: Callable[[str], object]) -> Callable[[str, str], object]:
    def check(name: str, param: str) -> None:
        if not name:
            refuse(f"`{param}` is empty.", param, hint="Leave the models out to allow all.")
        try:
            check_model(name)
        except ModelNotFoundError as error:
            refuse(error.message, param)

    return check


def _check_dialect(name: str, param: str) -> None:
    known = [dialect.name for dialect in all_dialects.DIALECTS]
    if name not in known:
        refuse(f"`{param}` must be one of {', '.join(known)}, not {shown(name)}.", param)
