"""A web page that is not let in leaves a trace where a person looks (fault F7)."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.running_bridge import running_bridge
from tray_bridge.command_line.fetch import Address
from tray_bridge.command_line.status import show_status
from tray_bridge.settings.schema import load_settings
from tray_bridge.standin import StandIn

SITE = "https://site.example"
OWN = {"x-tray-bridge": "1"}


def test_a_refused_page_is_in_the_status_with_its_origin(standin: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    with running_bridge(standin, pool_size=0) as bridge:
        before = bridge.snapshot().failed
        answer = httpx.post(f"{bridge.url}/v1/chat/completions", headers={"origin": "https://site.example"}, json={})
        assert answer.status_code == 403
        snapshot = bridge.wait_for(lambda s: s.refused_pages)
        assert [(page.origin, page.count) for page in snapshot.refused_pages] == [("https://site.example", 1)]
        assert snapshot.failed == before + 1
        [page] = httpx.get(f"{bridge.url}/status").json()["refused_pages"]
        assert page["origin"] == "https://site.example"
        httpx.get(f"{bridge.base_url}/models", headers={"origin": "null"})
        bridge.wait_for(lambda s: len(s.refused_pages) == 2)
        assert show_status(Address(bridge.url)) == 0
        told = capsys.readouterr().out
        assert "To allow it, add https://site.example to allowed_origins." in told
        assert "a page without an origin, once. Such a page cannot be allowed." in told


def test_a_refused_page_is_let_in_from_our_own_at_once_and_for_good(
    standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path))
    with running_bridge(standin, pool_size=0) as bridge:
        started_at = bridge.snapshot().started_at
        let_in = f"{bridge.url}/dashboard/api/allowed-origins"
        assert httpx.post(let_in, json={"origin": SITE}, headers=OWN).status_code == 400, "nobody has seen it refused"
        for origin in (SITE, "null"):
            assert httpx.get(f"{bridge.base_url}/models", headers={"origin": origin}).status_code == 403
        bridge.wait_for(lambda s: len(s.refused_pages) == 2)
        assert httpx.post(let_in, json={"origin": "null"}, headers=OWN).status_code == 400
        assert httpx.post(let_in, json={"origin": SITE}).status_code == 403

        assert httpx.post(let_in, json={"origin": SITE}, headers=OWN).status_code == 200
        answer = httpx.get(f"{bridge.base_url}/models", headers={"origin": SITE})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, SITE)
        assert SITE in load_settings().allowed_origins
        snapshot = bridge.wait_for(lambda s: len(s.refused_pages) == 1)
        assert snapshot.started_at == started_at, "the server has not been restarted"
