"""The tray: icon, menu and notifications. Knows `ServerThread` and its snapshots. Must not know the API or the SDK."""
