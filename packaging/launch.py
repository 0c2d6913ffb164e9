"""What a bundle starts: PyInstaller takes a script, not a module."""

import sys

from tray_bridge.main import main

if __name__ == "__main__":
    sys.exit(main())
