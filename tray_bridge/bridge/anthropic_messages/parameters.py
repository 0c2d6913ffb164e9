"""Every parameter of a Messages request and how it is treated; docs/parameters.md is written from this table."""

from __future__ import annotations

from ..parameters import Parameter, no_setting

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("model", "honoured", "A family, full id, old name or alias; missing means the default."),
    Parameter(
        "messages",
        "honoured",
        "Real turns, in order; `system` turns among them too. Documents are cited where they ask for it.",
    ),
    Parameter("system", "honoured", "A string or text blocks."),
    Parameter("max_tokens", "honoured", "A hard limit upstream; missing means none."),
    Parameter("stop_sequences", "honoured", "Cut exactly; the answer names the one that was met."),
    Parameter("stream", "honoured", "Named events, with `ping` while Claude is silent."),
    Parameter("tools", "honoured", "Custom tools; tools that Anthropic's servers run are left out."),
    Parameter("tool_choice", "honoured", "`auto`, `any`, `tool` or `none`, and `disable_parallel_tool_use`."),
    Parameter("thinking", "honoured", "`disabled`, or shown as `display` says; a budget is passed over."),
    Parameter("output_config", "honoured", "`effort`, and `format` with a JSON Schema."),
    Parameter("output_format", "honoured", "The older place of `output_config.format`."),
    Parameter("thread", "honoured", "`create` keeps the conversation for a few minutes, `continue` goes on with it."),
    no_setting("temperature", 1),
    no_setting("top_p", 1),
    no_setting("top_k"),
    Parameter("cache_control", "accepted", "Prompts are cached without it."),
    Parameter("metadata", "accepted", "Changes nothing."),
    Parameter("service_tier", "accepted", "Changes nothing."),
    Parameter("container", "accepted", "Changes nothing."),
    Parameter("context_management", "accepted", "Changes nothing: nothing is removed from the conversation."),
    Parameter("mcp_servers", "ignored", "Name the servers' tools as custom tools.", "array", ([],)),
    Parameter("diagnostics", "accepted", "Changes nothing."),
    Parameter("speed", "accepted", "Changes nothing."),
    Parameter("inference_geo", "accepted", "Changes nothing."),
    Parameter("betas", "accepted", "Changes nothing, as does the header `anthropic-beta`."),
)
