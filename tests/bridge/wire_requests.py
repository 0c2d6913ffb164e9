"""Requests with most of the fields of their dialect, and answers with every kind of event: what `wire_forms` keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tray_bridge.bridge.anthropic_messages.signature import seal
from tray_bridge.snapshots import ModelSnapshot
from tray_bridge.turns import (
    Event,
    RedactedThinking,
    TextDelta,
    TextEnded,
    Thinking,
    ThinkingDelta,
    ThinkingEnded,
    ToolCallDelta,
    ToolCallStarted,
    TurnEnded,
    TurnStarted,
    Usage,
)

Wire = dict[str, Any]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
FETCHED = {"https://example.com/a.png": bytes.fromhex("89504e470d0a1a0a") + b"\0" * 40}
OFFERED = (
    ModelSnapshot("sonnet", "claude-sonnet-5-5", "Sonnet 5.5", "For each day.", ("low", "high"), True),
    ModelSnapshot("haiku", "claude-haiku-4-5-20251001", "Haiku 4.5"),
)
SCHEMA: Wire = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Where."}, "days": {"type": "integer"}},
    "required": ["city"],
}
LOOK: Wire = {"name": "look", "description": "Looks.", "parameters": SCHEMA}
HEAR: Wire = {"name": "hear", "description": "Listens.", "parameters": {"type": "object", "properties": {}}}


def call(id_: str, name: str, arguments: str) -> Wire:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


CHAT: Wire = {
    "model": "sonnet",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                {"type": "image_url", "image_url": "https://example.com/a.png"},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
                {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGVsbG8="}},
            ],
        },
        {
            "role": "assistant",
            "content": "Well.",
            "reasoning_content": "Hm.",
            "tool_calls": [call("c1", "look", '{"city": "Bern"}'), call("c2", "hear", "")],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "blue"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "rain"}], "is_error": True},
        {"role": "assistant", "content": [{"type": "text", "text": "Blue."}, {"type": "refusal", "refusal": "No."}]},
        {"role": "user", "name": "Ann", "content": "And now?"},
    ],
    "stream": True,
    "stream_options": {"include_usage": True},
    "n": 1,
    "max_completion_tokens": 100,
    "stop": ["END", "STOP"],
    "reasoning_effort": "high",
    "temperature": 0.3,
    "seed": 5,
    "tools": [{"type": "function", "function": LOOK}, {"type": "function", "function": HEAR}],
    "tool_choice": {"type": "function", "function": {"name": "look"}},
    "parallel_tool_calls": False,
    "metadata": {"a": "b"},
    "user": "u",
}
CHAT_SCHEMA: Wire = {
    "messages": [{"role": "user", "content": "Where?"}],
    "instructions": "Be exact.",
    "n": 2,
    "max_tokens": 7,
    "stop": "END",
    "reasoning": {"effort": "low", "exclude": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}},
    "logit_bias": {},
    "modalities": ["text"],
}
CHAT_OLD: Wire = {
    "model": "gpt-4o",
    "messages": [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": '{"city": "Bern"}'}},
        {"role": "function", "name": "look", "content": "blue"},
    ],
    "functions": [LOOK],
    "function_call": {"name": "look"},
    "response_format": {"type": "json_object"},
}
RESPONSES: Wire = {
    "model": "sonnet",
    "instructions": "Be brief.",
    "input": [
        {"type": "message", "role": "developer", "content": "Be kind."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look"},
                {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
                {"type": "input_image", "image_url": "https://example.com/a.png"},
                {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
            ],
        },
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Well."}]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"city": "Bern"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "blue"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "done"}]},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"role": "user", "content": "And now?"},
    ],
    "stream": True,
    "store": True,
    "max_output_tokens": 100,
    "tools": [
        {"type": "function", "strict": True, **LOOK},
        {"type": "custom", "name": "patch", "description": "Patches.", "format": {"type": "text"}},
        {"type": "namespace", "name": "files", "description": "Files.", "tools": [{"type": "function", **HEAR}]},
        {"type": "web_search"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
    "parallel_tool_calls": False,
    "text": {"format": {"type": "text"}, "verbosity": "low"},
    "reasoning": {"effort": "medium", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "metadata": {"a": "b"},
    "temperature": 0.3,
    "truncation": "auto",
    "user": "u",
}
RESPONSES_SCHEMA: Wire = {
    "input": "Where?",
    "store": False,
    "max_tokens": 9,
    "tool_choice": "none",
    "text": {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}},
    "reasoning": {"effort": "none"},
}
COMPLETIONS: Wire = {
    "model": "haiku",
    "prompt": "def f(",
    "suffix": "return a",
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 50,
    "stop": ["\n\n", "END"],
    "n": 1,
    "best_of": 2,
    "echo": False,
    "temperature": 0.2,
    "logprobs": 0,
    "user": "u",
}
COMPLETIONS_ECHO: Wire = {"prompt": ["One", "Two"], "echo": True, "stop": "END", "max_tokens": -1}
OLLAMA: Wire = {
    "model": "sonnet:latest",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look", "images": [PNG]},
        {
            "role": "assistant",
            "content": "Well.",
            "thinking": "Hm.",
            "tool_calls": [{"id": "c1", "function": {"index": 0, "name": "look", "arguments": {"city": "Bern"}}}],
        },
        {"role": "tool", "tool_name": "look", "content": "blue"},
        {"role": "user", "content": "And now?"},
    ],
    "stream": True,
    "think": "high",
    "tools": [{"type": "function", "function": LOOK}],
    "options": {"num_predict": 100, "stop": ["END"], "temperature": 0.3, "num_ctx": 8192},
    "keep_alive": "5m",
}
OLLAMA_SCHEMA: Wire = {"model": "haiku", "prompt": "Where?", "system": "Be exact.", "format": SCHEMA, "stream": False}
OLLAMA_SCHEMA |= {"images": [PNG], "think": False, "suffix": "", "raw": True}
MESSAGES: Wire = {
    "model": "claude-sonnet-4-5",
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                    "title": "A",
                    "context": "Old.",
                    "citations": {"enabled": True},
                },
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hello"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": seal(Thinking("Hm.", "c2ln", "claude-sonnet-5"))},
                {"type": "redacted_thinking", "data": "x"},
                {"type": "text", "text": "Well."},
                {"type": "tool_use", "id": "c1", "name": "look", "input": {"city": "Bern"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c1",
                    "content": [{"type": "text", "text": "blue"}],
                    "is_error": True,
                },
                {"type": "text", "text": "And now?"},
            ],
        },
    ],
    "max_tokens": 100,
    "stop_sequences": ["END"],
    "stream": True,
    "tools": [
        {"name": "look", "description": "Looks.", "input_schema": SCHEMA},
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 2048},
    "output_config": {"effort": "high"},
    "metadata": {"user_id": "u"},
    "temperature": 0.3,
    "top_k": 5,
}
MESSAGES_SCHEMA: Wire = {
    "model": "sonnet",
    "system": "Be exact.",
    "messages": [{"role": "user", "content": "Where?"}],
    "thinking": {"type": "disabled"},
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    "tool_choice": {"type": "auto"},
    "thread": {"type": "create"},
}
# In the words of other programs and older versions, each once; half of it is left out, or named.
ODD_SCHEMA: Wire = {
    "type": "Object",
    "title": "Odd",
    "properties": {
        "one": {"type": "str", "optional": True},
        "two": {"type": ["string", "null"], "nullable": True, "enum": ["a", "b"]},
        "three": {"type": "array", "items": [{"type": "int"}, {"type": "bool"}], "additionalItems": False},
        "four": {"oneOf": [{"type": "number", "minimum": 1}, {"const": "x"}], "default": "x"},
        "five": {"anyOf": [{"type": "null"}, {"$ref": "#/definitions/place"}]},
        "six": {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"type": "float"}}}]},
        "seven": {"type": "dict", "additionalProperties": {"type": "string"}, "required": True},
        "eight": {"type": "Literal['l']"},
        "nine": {"type": "string", "format": "date", "pattern": "^a", "examples": ["2000-01-01"]},
        "a key with blanks": {"type": "integer", "divisibleBy": 2},
        "a,key,with,blanks": {"type": "integer"},
        "?": {"type": "integer"},
    },
    "definitions": {"place": {"type": "object", "properties": {"city": {"type": "string"}}}},
    "required": ["one", "a key with blanks"],
    "additionalProperties": False,
}
ROOT_CHOICE: Wire = {
    "description": "Either.",
    "oneOf": [
        {"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "string"}}, "required": ["kind", "x"]},
        {"type": "object", "properties": {"kind": {"const": "b"}, "y": {"type": "number"}}, "required": ["kind"]},
    ],
}
CHAT_ODD: Wire = {
    "model": "default",
    "system": "Be odd.",
    "messages": [
        {"role": "human", "content": {"type": "text", "text": "One"}},
        {"role": "ai", "content": [{"type": "output_text", "text": "Two"}, {"type": "thinking", "thinking": "Hm."}]},
        {"role": "model", "parts": [{"text": "Three"}]},
        {"role": "user", "content": ["Four", {"text": "Five"}, {"type": "input_audio", "input_audio": {"data": "x"}}]},
        {"role": "assistant", "content": "", "audio": {"id": "a", "transcript": "Six"}, "refusal": None},
        {"role": "user", "content": [{"type": "image", "data": PNG, "mimeType": "image/png"}], "images": [PNG]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c3", "name": "odd", "input": {"a key with blanks": 2}}],
            "tool_calls": [{"name": "choice", "arguments": {"kind": "a"}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c3", "content": "three", "is_error": True}],
        },
        {"role": "tool", "name": "choice", "content": {"uri": "x", "text": "four"}},
        {"role": "tool", "tool_call_id": "nobody", "content": None},
        {
            "role": "tool",
            "name": "odd",
            "content": [{"type": "resource", "resource": {"uri": "file:///a", "text": "5"}}],
        },
        {"role": "user", "content": "Go on"},
    ],
    "max_output_tokens": 5,
    "stop_sequences": ["END"],
    "tools": [
        {"name": "odd", "parameters": ODD_SCHEMA},
        {"type": "function", "function": {"name": "choice", "description": "Chooses.", "input_schema": ROOT_CHOICE}},
        {"type": "function", "function": {"name": "bare"}},
        {"name": "wrapped", "description": "Wrapped.", "inputSchema": {"json": {"type": "object", "properties": {}}}},
        {"type": "custom", "custom": {"name": "free", "description": "Free."}},
        {"type": "web_search_preview"},
    ],
    "tool_choice": "any",
    "text": {"format": {"type": "json_schema", "name": "odd", "schema": ODD_SCHEMA}},
    "include_reasoning": False,
}
RESPONSES_ODD: Wire = {
    "model": "",
    "instructions": "Be odd.",
    "input": [
        {"role": "system", "content": [{"type": "input_text", "text": "Be kind."}]},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": "One"},
        {"type": "local_shell_call", "call_id": "c1", "action": {"command": ["ls"]}},
        {"type": "local_shell_call_output", "call_id": "c1", "output": "a.txt"},
        {"type": "shell_call", "call_id": "c2", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "c2", "output": [{"stdout": "b.txt"}]},
        {"type": "apply_patch_call", "call_id": "c3", "operation": {"type": "delete_file", "path": "a"}},
        {"type": "apply_patch_call_output", "call_id": "c3", "status": "completed", "output": "ok"},
        {"type": "mcp_call", "name": "f", "arguments": "{}", "output": "done"},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "function_call", "call_id": "c4", "name": "hear", "namespace": "files", "arguments": ""},
        {"type": "function_call", "call_id": "c5", "name": "odd", "arguments": "no JSON"},
        {"type": "function_call_output", "call_id": "c4", "output": [{"type": "input_image", "image_url": PNG}]},
        {"type": "function_call_output", "call_id": "c5", "output": {"a": 1}, "status": "incomplete"},
        {"role": "user", "content": "Go on"},
    ],
    "stream": False,
    "tools": [
        {"type": "function", "name": "odd", "parameters": ODD_SCHEMA, "strict": False},
        {"type": "custom", "name": "free"},
        {"type": "custom", "name": "ruled", "format": {"type": "grammar", "definition": "start: WORD"}},
        {
            "type": "custom",
            "name": "regular",
            "description": "Regular.",
            "format": {"type": "grammar", "syntax": "regex", "definition": "[a-z]+"},
        },
        {"type": "namespace", "name": "files", "tools": [{"type": "custom", "name": "put"}, {"type": "mcp"}]},
        {"type": "mcp", "server_label": "docs"},
    ],
    "tool_choice": {"type": "custom", "name": "free"},
    "text": {"format": {"type": "json_object"}},
    "max_tool_calls": 3,
    "top_p": 0.5,
    "background": False,
    "service_tier": "flex",
}
OLLAMA_ODD: Wire = {
    "model": "sonnet",
    "messages": [
        {"role": "user", "content": "One"},
        {"role": "assistant", "tool_calls": [{"function": {"name": "odd", "arguments": "{}"}}, {"function": LOOK}]},
        {"role": "tool", "name": "look", "content": "two"},
        {"role": "tool", "content": "one", "tool_call_id": "nobody"},
        {"role": "assistant", "content": "Three", "images": [PNG]},
        {"role": "user", "content": "Go on", "images": []},
    ],
    "tools": [{"type": "function", "function": {"name": "odd", "parameters": ODD_SCHEMA}}, LOOK],
    "tool_choice": "required",
    "think": True,
    "format": "json",
    "options": {"num_predict": -1, "stop": "END", "seed": 4},
}
MESSAGES_ODD: Wire = {
    "model": "opus",
    "messages": [
        {"role": "system", "content": "Be odd."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {
            "role": "assistant",
            "content": [
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}},
                {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
                {"type": "tool_use", "id": "c1", "name": "odd", "input": {"a key with blanks": 2}},
                {"type": "thinking", "thinking": "Of another server.", "signature": "x"},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "search_result", "source": "s", "title": "T", "content": [{"type": "text", "text": "Found"}]},
                {"type": "tool_result", "tool_use_id": "c1"},
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "Part"}]}},
                {"type": "document", "source": {"type": "file", "file_id": "f"}},
            ],
        },
        {"role": "user", "content": [{"type": "text", "text": "On"}]},
    ],
    "tools": [
        {"name": "odd", "input_schema": ODD_SCHEMA},
        {"type": "custom", "name": "c", "input_schema": ROOT_CHOICE},
    ],
    "tool_choice": {"type": "any"},
    "thinking": {"type": "adaptive", "display": "omitted"},
    "output_format": {"type": "json_schema", "schema": ODD_SCHEMA},
    "stop_sequences": [],
    "container": None,
    "mcp_servers": [],
    "service_tier": "auto",
}
REQUESTS: Mapping[str, Mapping[str, tuple[str, Wire]]] = {
    "openai_chat": {
        "much": ("/v1/chat/completions", CHAT),
        "a schema": ("/v1/chat/completions", CHAT_SCHEMA),
        "the older form": ("/v1/chat/completions", CHAT_OLD),
        "other words": ("/v1/chat/completions", CHAT_ODD),
        "input": ("/v1/chat/completions", {"input": "Where?"}),
    },
    "openai_responses": {
        "much": ("/v1/responses", RESPONSES),
        "a schema": ("/v1/responses", RESPONSES_SCHEMA),
        "other words": ("/v1/responses", RESPONSES_ODD),
    },
    "openai_completions": {
        "a gap": ("/v1/completions", COMPLETIONS),
        "two prompts": ("/v1/completions", COMPLETIONS_ECHO),
    },
    "ollama": {
        "a chat": ("/api/chat", OLLAMA),
        "a generation": ("/api/generate", OLLAMA_SCHEMA),
        "other words": ("/api/chat", OLLAMA_ODD),
    },
    "anthropic_messages": {
        "much": ("/v1/messages", MESSAGES),
        "a schema": ("/v1/messages", MESSAGES_SCHEMA),
        "other words": ("/v1/messages", MESSAGES_ODD),
        "a count": ("/v1/messages/count_tokens", MESSAGES_SCHEMA),
    },
}

BEGUN = TurnStarted("claude-sonnet-5-5", Usage(11, 1, 3, 4))
USED = Usage(11, 22, 3, 4, 5)
PLACE = {"type": "char_location", "cited_text": "hello", "document_index": 0, "document_title": "A"}
PLACE |= {"start_char_index": 0, "end_char_index": 5}
ANSWERS: Mapping[str, Sequence[Event]] = {
    "text": (
        BEGUN,
        ThinkingDelta("Let me "),
        ThinkingDelta("see."),
        ThinkingEnded("c2ln"),
        RedactedThinking("eA=="),
        TextDelta("It is "),
        TextEnded((PLACE,)),
        TextDelta("blue.\n"),
        TextEnded(()),
        TurnEnded("end_turn", USED),
    ),
    "calls": (
        BEGUN,
        TextDelta("I look."),
        ToolCallStarted(0, "toolu_1", "look"),
        ToolCallDelta(0, '{"city":'),
        ToolCallDelta(0, ' "Bern"}'),
        ToolCallStarted(1, "toolu_2", "patch"),
        ToolCallDelta(1, '{"input": "*** Begin"}'),
        ToolCallStarted(2, "toolu_3", "hear"),
        TurnEnded("tool_use", USED),
    ),
    "a limit": (BEGUN, TextDelta("It is"), TurnEnded("max_tokens", USED)),
    "a stop string": (BEGUN, TextDelta("It is END of"), TurnEnded("end_turn", USED)),
    "a stop string of upstream": (BEGUN, TextDelta("It is "), TurnEnded("stop_sequence", USED, "END")),
    "a refusal": (BEGUN, TextDelta("I will"), TurnEnded("refusal", USED)),
    "a pause": (BEGUN, TurnEnded("pause_turn", USED)),
    "the end of the window": (BEGUN, TextDelta("It"), TurnEnded("model_context_window_exceeded", Usage())),
    "text without a beginning": (TextDelta("It is"), TurnEnded("end_turn", USED)),
    "a call without a beginning": (ToolCallStarted(0, "toolu_1", "odd"), TurnEnded("tool_use", USED)),
    "no end": (BEGUN, TextDelta("It is")),
    "nothing": (BEGUN, TurnEnded("end_turn", Usage())),
}
