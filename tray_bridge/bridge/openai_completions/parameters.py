"""Every parameter of a legacy completion and how it is treated."""

from __future__ import annotations

from ..parameters import SAMPLING, Parameter

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("model", "honoured", "A family, full id, old name or alias; missing means the default."),
    Parameter("prompt", "honoured", "A string, or several, each with its own answer; fill-in markers are understood."),
    Parameter("suffix", "honoured", "The text after the gap: the answer is the middle alone."),
    Parameter("stream", "honoured", "One chunk per delta."),
    Parameter("stream_options", "honoured", "`include_usage` adds the usage chunk."),
    Parameter(
        "max_tokens", "honoured", "A hard limit upstream, 3 higher for the tag before the text; missing or -1: none."
    ),
    Parameter("stop", "honoured", "A string or an array of strings; cuts exactly."),
    Parameter("n", "honoured", "1 to 4 answers for each prompt."),
    Parameter("best_of", "honoured", "At least `n`; `n` answers are written and come back."),
    Parameter("echo", "honoured", "The prompt comes before the answer."),
    *SAMPLING,
    Parameter("seed", "accepted", "Changes nothing: the model has no seed.", "number"),
    Parameter("user", "accepted", "Changes nothing.", "string"),
    Parameter("logprobs", "refused", "Claude does not report them.", "any", (0, False)),
)
