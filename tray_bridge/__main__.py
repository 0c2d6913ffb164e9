"""`python -m tray_bridge` is `tray-bridge`."""

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main())
