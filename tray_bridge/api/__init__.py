"""The HTTP door: the only importer of FastAPI."""
