"""Clients' configuration files: found, changed with their comments kept, and given back to the byte."""
