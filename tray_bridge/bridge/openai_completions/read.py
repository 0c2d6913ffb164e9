"""A body of POST /v1/completions → the turns to ask: one for each prompt and each of its `n` answers."""

from __future__ import annotations

from dataclasses import dataclass

from ...turns import JsonObject, Message, Text, Turn
from ..answer_limits import read_max_tokens, read_stop
from ..dialect import Asked, Reading
from ..fields import kind_of, read_boolean, read_integer, read_object, read_string, refuse
from ..parameters import check_parameters
from .infill import OPENING_TOKENS, SYSTEM, read_document, write_question
from .parameters import PARAMETERS

CHOICES = 4
ANSWERS = 16  # per request: each is a turn of its own


@dataclass(frozen=True, slots=True)
class CompletionOptions:
    """`echoes` holds the text before each answer, if any."""

    echoes: tuple[str, ...]
    include_usage: bool = False


def read_completion(body: JsonObject, reading: Reading) -> Asked:
    """Read the parsed JSON of a request."""
    ignored = check_parameters(body, PARAMETERS)
    requested = read_string(body.get("model"), "model") or "default"
    prompts = _read_prompts(body.get("prompt"))
    suffix = read_string(body.get("suffix"), "suffix")
    max_tokens = read_max_tokens(body, "max_tokens")
    stop = read_stop(body.get("stop"), "stop")
    n = read_integer(body.get("n"), "n", least=1, most=CHOICES) or 1
    read_integer(body.get("best_of"), "best_of", least=n)
    if len(prompts) * n > ANSWERS:
        refuse(f"{len(prompts)} prompts with `n` of {n} are more than {ANSWERS} answers; send fewer at once.", "prompt")
    echo = read_boolean(body.get("echo"), "echo") or False
    streamed = read_boolean(body.get("stream"), "stream") or False
    options = read_object(body.get("stream_options"), "stream_options") or {}
    model = reading.resolve_model(requested)
    turns = tuple(
        Turn(
            model=model,
            messages=(Message("user", (Text(write_question(read_document(prompt, suffix))),)),),
            system=(SYSTEM,),
            # The limit is the client's, for the text: the tag before it is ours.
            max_tokens=None if max_tokens is None else max_tokens + OPENING_TOKENS,
            stop=stop,
            thinking=False,
            keep=False,
        )
        for prompt in prompts
        for _ in range(n)
    )
    return Asked(
        turn=turns[0],
        turns=turns,
        requested_model=requested,
        streamed=streamed,
        n=len(turns),
        show_reasoning=False,
        ignored=tuple(dict.fromkeys(ignored)),
        options=CompletionOptions(
            echoes=tuple(prompt if echo else "" for prompt in prompts for _ in range(n)),
            include_usage=read_boolean(options.get("include_usage"), "stream_options.include_usage") or False,
        ),
    )


def _read_prompts(value: object) -> list[str]:
    if value is None:
        refuse("`prompt` is missing. It must be a string or an array of strings.", "prompt")
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        refuse(f"`prompt` must be a string or an array of strings, not {kind_of(value)}.", "prompt")
    if not value:
        refuse("`prompt` is empty. It must hold at least one string.", "prompt")
    for index, entry in enumerate(value):
        if isinstance(entry, (int, float, list)) and not isinstance(entry, bool):
            refuse(
                f"`prompt[{index}]` is a token or an array of tokens, which Claude cannot read; send text.", "prompt"
            )
        if not isinstance(entry, str):
            refuse(f"`prompt[{index}]` must be a string, not {kind_of(entry)}.", f"prompt[{index}]")
    return list(value)
