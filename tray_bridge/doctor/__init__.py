"""The doctor: checks of what Tray Bridge needs on this machine; and the health of a running server."""
