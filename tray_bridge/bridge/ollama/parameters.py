"""Every parameter of Ollama's requests and how it is treated; docs/parameters.md is written from this table."""

from __future__ import annotations

from ..parameters import Parameter

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("model", "honoured", "A family, full id or alias, with or without `:latest`."),
    Parameter("messages", "honoured", "Real turns, in order; an empty list loads the model, which takes no time."),
    Parameter("prompt", "honoured", "The question of `/api/generate`; an empty one loads the model."),
    Parameter("system", "honoured", "The system prompt of `/api/generate`."),
    Parameter("images", "honoured", "PNG, JPEG, GIF or WebP as base64, beside a message's `content` or the `prompt`."),
    Parameter("stream", "honoured", "A JSON object a line, unless `false`."),
    Parameter("think", "honoured", "`false` switches thinking off; `low`, `medium`, `high` and `max` are efforts."),
    Parameter("format", "honoured", '`"json"` or a JSON Schema, natively.'),
    Parameter("tools", "honoured", "Functions become real tools."),
    Parameter("tool_choice", "honoured", "As in Chat Completions, which some clients of Ollama send."),
    Parameter("options", "honoured", "`num_predict` and `stop`; all others are ignored, as there is no such setting."),
    Parameter("keep_alive", "accepted", "Changes nothing; 0 is answered as if the model was unloaded."),
    Parameter("context", "accepted", "Changes nothing: send the conversation to `/api/chat`."),
    Parameter("raw", "accepted", "Changes nothing."),
    Parameter("template", "accepted", "Changes nothing."),
    Parameter("truncate", "accepted", "Changes nothing."),
    Parameter("shift", "accepted", "Changes nothing."),
    Parameter("suffix", "refused", "Use `/v1/completions` to fill a gap in a text.", "string", ("",)),
    Parameter("logprobs", "refused", "Claude does not report them.", "boolean", (False,)),
    Parameter("top_logprobs", "accepted", "Has no meaning without `logprobs`."),
)
