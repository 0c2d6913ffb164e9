"""Every parameter of a chat request and how it is treated; docs/parameters.md is written from this table.

Honoured ones are read in `read` and `bridge.tools`.
"""

from __future__ import annotations

from ..parameters import SAMPLING, Parameter, no_setting

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("model", "honoured", "A family, full id, old name or alias; missing means the default."),
    Parameter("messages", "honoured", "Real turns, in order; system and developer ones are the system prompt."),
    Parameter("input", "honoured", "`messages` as in the Responses API, read where that is missing."),
    Parameter("instructions", "honoured", "A system prompt before all others."),
    Parameter("system", "honoured", "A system prompt before all others, as in the Messages API."),
    Parameter("stream", "honoured", "One event per delta."),
    Parameter("stream_options", "honoured", "`include_usage` adds the usage chunk."),
    Parameter("n", "honoured", "1 to 4; each choice is an answer of its own, and usage is their sum."),
    Parameter("max_completion_tokens", "honoured", "A hard limit upstream; -1 means none."),
    Parameter("max_tokens", "honoured", "The same, where `max_completion_tokens` is missing."),
    Parameter("max_output_tokens", "honoured", "The same, where both others are missing."),
    Parameter("stop", "honoured", "A string or an array of strings; cuts exactly."),
    Parameter("stop_sequences", "honoured", "The same, where `stop` is missing."),
    Parameter("reasoning_effort", "honoured", "`none`: no thinking, or little and hidden; `minimal` counts as `low`."),
    Parameter("reasoning", "honoured", "`effort` as above; `enabled: false` is off; `exclude: true` hides."),
    Parameter("include_reasoning", "honoured", "`false` leaves `reasoning_content` out."),
    Parameter("thinking", "honoured", "`disabled` switches thinking off; a budget is passed over."),
    Parameter("response_format", "honoured", "`text`, `json_object` or `json_schema`, natively."),
    Parameter("text", "honoured", "`format` as `response_format`."),
    Parameter("tools", "honoured", "Functions become real tools; other kinds of tool are ignored."),
    Parameter("tool_choice", "honoured", "`auto`, `none`, `required`, or a function by name."),
    Parameter("parallel_tool_calls", "honoured", "`false` allows one call an answer."),
    Parameter("functions", "honoured", "The older form of `tools`, answered in its own form."),
    Parameter("function_call", "honoured", "The older form of `tool_choice`."),
    *SAMPLING,
    no_setting("verbosity", "medium", kind="string"),
    no_setting("web_search_options", kind="object"),
    Parameter("user", "accepted", "Changes nothing.", "string"),
    Parameter("metadata", "accepted", "Changes nothing.", "object"),
    Parameter("seed", "accepted", "Changes nothing: the model has no seed.", "number"),
    Parameter("store", "accepted", "Changes nothing: only the session log keeps answers.", "boolean"),
    Parameter("service_tier", "accepted", "Changes nothing.", "string"),
    Parameter("safety_identifier", "accepted", "Changes nothing.", "string"),
    Parameter("prediction", "accepted", "The answer is the same, without the gain in speed.", "object"),
    Parameter("prompt_cache_key", "accepted", "Prompts are cached without it.", "string"),
    Parameter("prompt_cache_retention", "accepted", "Prompts are cached without it.", "string"),
    Parameter("top_logprobs", "accepted", "Has no meaning without `logprobs`.", "number"),
    Parameter("logprobs", "refused", "Claude does not report them.", "boolean", (False,)),
    Parameter("modalities", "refused", "Answers are text.", "array", (["text"], [])),
    Parameter("audio", "refused", "Answers are text.", "object"),
    Parameter("previous_response_id", "refused", "No answer is stored: send the whole conversation.", "string"),
)
