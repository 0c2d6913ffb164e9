"""The model name that a client asks for → one that the account offers. Must not know a request or the settings file.

Families (`opus`, `sonnet`, …) are taken from the offered ids, so that a new one works at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ..errors import ModelNotFoundError
from ..snapshots import USUAL_MODELS, ModelSnapshot

# Words of slugs that do not tell which model is meant.
_FILLERS = {"claude", "anthropic", "latest", "default", "thinking", "beta", "preview", "extended", "v"}
_LONG = "[1m]"
_TAG = ":latest"  # which Ollama's clients add to a name


def resolve_model(requested: str, models: Sequence[ModelSnapshot], aliases: Mapping[str, str], default: str) -> str:
    """Give the `value` of the offered model that the name means; raises `ModelNotFoundError` if there is none.

    Aliases win, then exact names, then the family: with the version that the name gives, if it is offered, else the
    best of the family. An empty name, `default` and a bare `claude` mean `default`.
    """
    offered = models or USUAL_MODELS
    targets = {name.lower(): target for name, target in aliases.items()}
    unnamed = _means_default(requested) and requested.strip().lower() not in targets
    for form in _forms(default if unnamed else requested):
        target = targets.get(form, form)
        found = _exact(target, offered) or _by_family(target, offered)
        if found:
            return found.value
    raise ModelNotFoundError(_explain(requested, offered), param="model", code="model_not_found")


def _means_default(name: str) -> bool:
    words = _words(name)
    return set(words) <= _FILLERS if words else not name.strip()


def _forms(name: str) -> Iterator[str]:
    """Give the name as it is, then without Ollama's tag and the provider (`anthropic/`, `us.anthropic.`), in lower
    case.
    """
    name = name.strip().lower()
    yield name
    if name.endswith(_TAG):
        name = name.removesuffix(_TAG)
        yield name
    if "/" in name:
        yield name.rsplit("/", 1)[1]
    if "anthropic." in name:
        yield name.rsplit("anthropic.", 1)[1]


def _exact(name: str, offered: Sequence[ModelSnapshot]) -> ModelSnapshot | None:
    """Find the model of that value or full id; the account's `default` only where no other has it."""
    wanted = _dashed(name)
    for model in offered:
        if wanted == _dashed(model.value):
            return model
    same = [model for model in offered if wanted == _dashed(model.resolved)]
    return min(same, key=lambda model: model.value == "default", default=None)


def _dashed(name: str) -> str:
    return name.lower().replace(".", "-")


def _by_family(name: str, offered: Sequence[ModelSnapshot]) -> ModelSnapshot | None:
    words = set(_words(name)) - _FILLERS
    if len(words) != 1:
        return None
    family = words.pop()
    long, version = _LONG in name.lower(), _version(name)
    candidates = [model for model in offered if family in {*_words(model.value), *_words(model.resolved)}]
    if not candidates:
        return None

    def rank(model: ModelSnapshot) -> tuple[bool, bool, bool, tuple[int, ...]]:
        own = _version(model.resolved)
        return (
            (_LONG in model.value) == long,
            bool(version) and own[: len(version)] == version,
            model.value == family,
            own,
        )

    return max(candidates, key=rank)


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+", name.lower().replace(_LONG, ""))


def _version(name: str) -> tuple[int, ...]:
    """Give the version numbers in an id, without its date: (4, 6) of claude-opus-4-6-20260101."""
    numbers = re.findall(r"(?<![a-z0-9])\d{1,2}(?![a-z0-9])", name.lower().replace(_LONG, ""))
    return tuple(int(number) for number in numbers)


def _explain(requested: str, offered: Sequence[ModelSnapshot]) -> str:
    name = ascii(requested[:80])[1:-1]
    names = ", ".join(model.value for model in offered)
    return f"The model `{name}` does not exist or is not offered to this account. Offered are: {names}."
