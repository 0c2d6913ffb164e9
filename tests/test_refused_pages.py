"""A web page that is not let in leaves a trace where a person looks."""

from __future__ import annotations

import httpx

from tests.running_bridge import running_bridge
from tray_bridge.standin import StandIn


def test_a_refused_page_is_in_the_status_with_its_origin(standin: StandIn) -> None:
    with running_bridge(standin, pool_size=0) as bridge:
        before = bridge.snapshot().failed
        answer = httpx.post(f"{bridge.url}/v1/chat/completions", headers={"origin": "https://site.example"}, json={})
        assert answer.status_code == 403
        snapshot = bridge.wait_for(lambda s: s.refused_pages)
        assert [(page.origin, page.count) for page in snapshot.refused_pages] == [("https://site.example", 1)]
        assert snapshot.failed == before + 1
        [page] = httpx.get(f"{bridge.url}/status").json()["refused_pages"]
        assert page["origin"] == "https://site.example"
