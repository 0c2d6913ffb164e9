"""A scripted Messages API on loopback: the model of the demo and of the tests.

`script.Spec` lists what a prompt can ask of it. It must not know the bridge: the Claude CLI finds it at the address in
`ANTHROPIC_BASE_URL`.
"""

from tray_bridge.standin.script import Received, Spec
from tray_bridge.standin.server import StandIn

__all__ = ["Received", "Spec", "StandIn"]
