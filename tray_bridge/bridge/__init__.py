"""Dialects ⇄ turns: one folder for each dialect, and what several share. Pure: no await, no I/O, no HTTP, no CLI."""
