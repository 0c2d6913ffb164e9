"""Legacy completions (`POST /v1/completions`): a text is continued, or its gap is filled, as for autocomplete."""
