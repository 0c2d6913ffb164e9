"""pydantic-ai by its provider for Ollama. Prints what it saw as JSON."""

from __future__ import annotations

from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.ollama import OllamaProvider

from tests.clients.asking import BASE_URL, report
from tests.clients.pydantic_ai_use import use

report(ollama=use(OpenAIChatModel("sonnet:latest", provider=OllamaProvider(base_url=BASE_URL))))
