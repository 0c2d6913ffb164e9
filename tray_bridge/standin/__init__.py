"""A scripted Messages API on loopback: the demo's model, and the tests'.

`script.Spec` lists what a prompt can ask of it. It knows nothing of the bridge:
to the Claude CLI it is the address in `ANTHROPIC_BASE_URL`.
"""

from tray_bridge.standin.script import Received, Spec
from tray_bridge.standin.server import StandIn

__all__ = ["Received", "Spec", "StandIn"]
