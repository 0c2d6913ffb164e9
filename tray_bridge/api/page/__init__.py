"""The page's own routes: its JSON, its access and its events."""
