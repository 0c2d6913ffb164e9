"""Every parameter of a Responses request and how it is treated."""

from __future__ import annotations

from ..parameters import Parameter, no_setting

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("model", "honoured", "A family, full id, old name or alias; missing means the default."),
    Parameter("input", "honoured", "A string, or items: messages, calls and their outputs, reasoning, references."),
    Parameter("instructions", "honoured", "A system prompt before all others; not carried over to the next answer."),
    Parameter("stream", "honoured", "One event per delta, in OpenAI's grammar."),
    Parameter(
        "previous_response_id",
        "honoured",
        "Continues an answer that is stored here. The model still reads the whole conversation, as if it were sent.",
    ),
    Parameter("store", "honoured", "Missing means true: the answer is stored, as long as the session log is."),
    Parameter("max_output_tokens", "honoured", "A hard limit upstream, at least 1; missing: none."),
    Parameter("max_tokens", "honoured", "The same, where `max_output_tokens` is missing; -1 means none."),
    Parameter("tools", "honoured", "Functions, custom tools and namespaces; hosted tools are ignored beside others."),
    Parameter("tool_choice", "honoured", "`auto`, `none`, `required`, a tool by name, or `allowed_tools`."),
    Parameter("parallel_tool_calls", "honoured", "`false` allows one call an answer."),
    Parameter("text", "honoured", "`format`: `text`, `json_object` or `json_schema`; `verbosity` is ignored."),
    Parameter("reasoning", "honoured", "`effort`, `none` to `max`; reasoning is shown as summaries."),
    Parameter("include", "honoured", "`reasoning.encrypted_content` carries Claude's thinking to later requests."),
    no_setting("temperature", 1),
    no_setting("top_p", 1),
    no_setting("top_logprobs", 0),
    no_setting("presence_penalty", 0),
    no_setting("frequency_penalty", 0),
    Parameter("max_tool_calls", "ignored", "Counts hosted tools, which do not run here.", "number"),
    Parameter("context_management", "ignored", "Nothing is compacted here."),
    Parameter("truncation", "accepted", "A conversation that is too long is refused.", "string"),
    Parameter("metadata", "accepted", "Comes back in the answer.", "object"),
    Parameter("user", "accepted", "Changes nothing.", "string"),
    Parameter("safety_identifier", "accepted", "Changes nothing.", "string"),
    Parameter("service_tier", "accepted", "Changes nothing.", "string"),
    Parameter("prompt_cache_key", "accepted", "Prompts are cached without it.", "string"),
    Parameter("prompt_cache_retention", "accepted", "Prompts are cached without it."),
    Parameter("client_metadata", "accepted", "Changes nothing."),
    Parameter("stream_options", "accepted", "Changes nothing.", "object"),
    Parameter("background", "refused", "Answers come while the request is open.", "boolean", (False,)),
    Parameter("conversation", "refused", "Conversations are not stored; send `previous_response_id` instead."),
    Parameter("prompt", "refused", "There are no stored prompts; send the prompt itself."),
)
