"""The second port for Ollama's clients: off by default, with the same guards, and told where it is taken."""

from __future__ import annotations

import socket

import httpx

from tests.running_bridge import running_bridge
from tray_bridge.machine.port import bind, next_free_port
from tray_bridge.server.ollama_listener import open_second
from tray_bridge.standin import StandIn


def test_both_ports_lead_to_the_same_server_behind_the_same_guards(standin: StandIn) -> None:
    port = next_free_port("127.0.0.1", 21_400)
    with running_bridge(standin, pool_size=0, ollama_port=port) as bridge:
        snapshot = bridge.wait_for(lambda s: s.ollama_port)
        assert (snapshot.ollama_port, snapshot.ollama_problem) == (port, None)
        url = f"http://127.0.0.1:{port}"
        assert httpx.get(url).text == "Ollama is running"
        assert httpx.get(f"{url}/health").json()["service"] == "tray-bridge"
        assert httpx.get(f"{url}/api/tags", headers={"host": "evil.example"}).status_code == 403
        assert httpx.post(f"{url}/api/chat", json={}, headers={"origin": "https://evil.example"}).status_code == 403
        taken, problem = open_second("127.0.0.1", port)
        assert taken is None
        assert problem is not None
        assert "another Tray Bridge" in problem.message
    bind("127.0.0.1", port).close()  # it is given back


def test_a_port_that_is_taken_is_told_and_the_server_runs_without_it(standin: StandIn) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with running_bridge(standin, pool_size=0, ollama_port=port) as bridge:
            snapshot = bridge.snapshot()
            assert snapshot.state == "ready"
            assert snapshot.ollama_port is None
            assert snapshot.ollama_problem is not None
            assert str(port) in snapshot.ollama_problem.message
            assert httpx.get(f"{bridge.url}/health").status_code == 200


def test_it_is_off_by_default(standin: StandIn) -> None:
    assert open_second("127.0.0.1", 0) == (None, None)
    with running_bridge(standin, pool_size=0) as bridge:
        assert (bridge.snapshot().ollama_port, bridge.snapshot().ollama_problem) == (None, None)
