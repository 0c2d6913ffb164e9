"""What all tests share: a home of their own, the stand-in, and the real bridge in front of it."""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from hypothesis import HealthCheck, settings

from tests.running_bridge import RunningBridge, running_bridge
from tray_bridge.claude import progress_timer
from tray_bridge.settings.schema import load_settings
from tray_bridge.standin import StandIn

pytest_plugins = ["tests.together"]
SHARED: dict[str, object] = {"port": 0, "pool_size": 2}

# How long an example takes says nothing on a machine that does other work, too.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")
for wait in ("connect", "read", "write", "pool"):
    setattr(DEFAULT_TIMEOUT_CONFIG, wait, 60.0)

# Under `nohup`, or in the background of a script, all children would ignore them, and the tests of their effect wait
# for ever.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test reads or writes the files of the person who runs it."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAY_BRIDGE_HOME", str(folder / "tray-bridge"))
        patch.setenv("HOME", str(folder))
        patch.setenv("CLAUDE_CONFIG_DIR", str(folder / "claude"))
        patch.setenv("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        patch.setenv("ANTHROPIC_API_KEY", "sk-ant-stand-in")
        patch.setenv("TRAY_BRIDGE_CHECK_FOR_UPDATES", "false")
        # Nothing here asks a server with a certificate, and to load all authorities takes each client 20 ms.
        (folder / "authorities").mkdir()
        patch.setenv("SSL_CERT_DIR", str(folder / "authorities"))
        # A start of Claude Code takes a quarter less with one thread that collects garbage (docs/claude-code.md).
        patch.setenv("BUN_JSC_numberOfGCMarkers", "1")
        for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
            patch.delenv(name, raising=False)
        for name in ("PORT", "POOL_SIZE", "CLAUDE_TIMEOUT", "BRIDGE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(scope="module", autouse=True)
def lean() -> Iterator[None]:
    """Give back the memory that a file's tests used: the larger this process, the longer each start of another."""
    yield
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture(scope="session")
def running_standin(home: Path) -> Iterator[StandIn]:
    with StandIn() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_BASE_URL", running.url)
        yield running


@pytest.fixture
def standin(running_standin: StandIn) -> StandIn:
    """The stand-in, with nothing received yet."""
    running_standin.clear()
    return running_standin


@pytest.fixture
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any silence as the time limit says: else one of less than twelve seconds proves nothing (see the timer)."""
    monkeypatch.setattr(progress_timer, "SHORTEST_SILENCE", 0.0)


@pytest.fixture(scope="session")
def shared_bridge(running_standin: StandIn) -> Iterator[RunningBridge]:
    with running_bridge(running_standin, **SHARED) as running:
        yield running


@pytest.fixture
def bridge(shared_bridge: RunningBridge, standin: StandIn) -> RunningBridge:
    """The bridge that most tests share: a fresh start costs seconds."""
    return shared_bridge


@pytest.fixture
def bridge_with(bridge: RunningBridge) -> Iterator[Callable[..., RunningBridge]]:
    """The shared bridge with settings that it takes while it runs; its own come back afterwards."""
    usual = bridge.server.settings

    def with_settings(**settings: object) -> RunningBridge:
        bridge.server.apply(load_settings({**SHARED, **settings}))
        return bridge

    yield with_settings
    bridge.server.apply(usual)


@pytest.fixture
def make_bridge(standin: StandIn) -> Iterator[Callable[..., RunningBridge]]:
    """Start a bridge with settings of the test's own; it is stopped afterwards, and must leave nothing."""
    with ExitStack() as stack:

        def make(**settings: object) -> RunningBridge:
            return stack.enter_context(running_bridge(standin, **settings))

        yield make
