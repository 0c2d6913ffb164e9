"""pydantic-ai by Anthropic's API. Prints what it saw as JSON."""

from __future__ import annotations

from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from tests.clients.asking import BASE_URL, report
from tests.clients.pydantic_ai_use import use

provider = AnthropicProvider(base_url=BASE_URL.removesuffix("/v1"), api_key="not-needed")
report(messages=use(AnthropicModel("sonnet", provider=provider)))
