"""The doctor: checks of what Tray Bridge needs on this machine."""
