"""The measuring stick: the bridge beside the raw CLI, in one run, on one machine. `python -m tests.bench` starts it."""
