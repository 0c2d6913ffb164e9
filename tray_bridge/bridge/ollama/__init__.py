"""Ollama's API (`/api/chat`, `/api/generate`), the dialect of the many local tools that know no other."""
