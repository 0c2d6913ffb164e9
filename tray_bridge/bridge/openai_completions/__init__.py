"""Legacy completions (`POST /v1/completions`): a text goes on, or its gap is filled, as autocomplete asks."""
