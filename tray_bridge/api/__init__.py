"""HTTP: routes, access, errors and streams, for every dialect. The only package that imports FastAPI."""
