"""Fetching images from a real server: limits, redirects, and the guard around private addresses."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.api.live_server import serve
from tray_bridge.api import fetch_images as module
from tray_bridge.api.fetch_images import MAX_COUNT, ImageUrlError, fetch_images, is_public
from tray_bridge.errors import InvalidRequestError

MEGABYTE = 1024 * 1024


class Site:
    """A site with pictures, and the requests that reached it."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.app = Starlette(routes=[Route("/{path:path}", self.answer)])

    async def answer(self, request: Request) -> Response:
        self.requests.append(request)
        kind = request.path_params["path"]
        if kind == "redirect":
            return RedirectResponse(request.query_params["to"])
        if kind == "loop":
            return RedirectResponse("/loop")
        if kind == "gzip":
            return Response(b"x", headers={"content-encoding": "gzip"})
        if kind == "slow":
            await asyncio.sleep(5)
        if kind.startswith("endless"):
            return StreamingResponse(self.endless())
        if kind == "missing":
            return Response(status_code=404)
        return Response(f"image {kind}", headers={"set-cookie": "a=b; path=/"})

    @staticmethod
    async def endless() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield b"x" * MEGABYTE


async def resolve_to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_each_image_is_fetched_once_under_its_own_name_and_without_cookies() -> None:
    site = Site()
    async with serve(site.app) as port:
        base = f"http://pictures.example:{port}"
        urls = [f"{base}/a", f"{base}/b", f"{base}/a", f"{base}/redirect?to=/c"]
        got = await fetch_images(urls, allow_private=True, resolve=resolve_to_loopback)
    assert got == {urls[0]: b"image a", urls[1]: b"image b", urls[3]: b"image c"}
    assert len(site.requests) == 4
    for request in site.requests:
        assert request.headers["host"] == f"pictures.example:{port}"
        assert "cookie" not in request.headers
        assert "authorization" not in request.headers


async def test_no_urls_need_no_client() -> None:
    assert await fetch_images([], allow_private=False) == {}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::ffff:127.0.0.1]"]
)
async def test_loopback_is_refused_in_every_spelling(host: str) -> None:
    site = Site()
    async with serve(site.app) as port:
        with pytest.raises(ImageUrlError):
            await fetch_images([f"http://{host}:{port}/a"], allow_private=False)
    assert site.requests == []


async def test_a_name_with_one_private_address_among_public_ones_is_refused() -> None:
    async def mixed(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(ImageUrlError, match=r"^The file http\S+ is at a private address"):
        await fetch_images(["http://pictures.example/a"], allow_private=False, resolve=mixed)


async def test_a_name_that_changes_its_address_after_the_check_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """127.0.0.2 stands for a public address with nothing behind it; a second look-up would give 127.0.0.1."""
    monkeypatch.setattr(module, "is_public", lambda address: address == "127.0.0.2")
    answers = iter(["127.0.0.2", "127.0.0.1", "127.0.0.1"])
    site = Site()

    async def rebinding(_host: str, _port: int) -> list[str]:
        return [next(answers)]

    async with serve(site.app) as port:
        with pytest.raises(ImageUrlError):
            await fetch_images([f"http://evil.example:{port}/a"], allow_private=False, resolve=rebinding)
    assert site.requests == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has all of 127.0.0.0/8")
@pytest.mark.parametrize("host", ["127.0.0.1", "inside.example", "[::1]"])
async def test_a_redirect_to_a_private_address_is_not_followed(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """127.0.0.2 stands for the public site that redirects."""
    monkeypatch.setattr(module, "is_public", lambda address: address == "127.0.0.2")
    outside, inside = Site(), Site()

    async def resolve(name: str, _port: int) -> list[str]:
        return ["127.0.0.2"] if name == "outside.example" else [name if name[0].isdigit() else "127.0.0.1"]

    async with serve(outside.app, "127.0.0.2") as front, serve(inside.app) as port:
        url = f"http://outside.example:{front}/redirect?to=http://{host}:{port}/secret"
        with pytest.raises(ImageUrlError, match="private address"):
            await fetch_images([url], allow_private=False, resolve=resolve)
    assert len(outside.requests) == 1
    assert inside.requests == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("loop", "redirects more than 3 times"),
        ("redirect?to=file:///etc/passwd", "no http or https"),
        ("gzip", "compressed"),
        ("missing", "status 404"),
        ("endless", "larger than 20 MB"),
        ("slow", "within 0.5 seconds"),
    ],
)
async def test_what_cannot_be_had_is_told_with_its_url_but_not_its_secrets(path: str, told: str) -> None:
    async with serve(Site().app) as port:
        url = f"http://me:secret@127.0.0.1:{port}/{path}{'&' if '?' in path else '?'}token=secret"
        with pytest.raises(ImageUrlError, match=told) as caught:
            await fetch_images([url], allow_private=True, max_seconds=0.5 if path == "slow" else 20)
    assert caught.value.url == url
    assert f"127.0.0.1:{port}/{path.split('?')[0]}" in caught.value.message
    assert "secret" not in str(caught.value)


async def test_of_several_pictures_the_one_that_is_late_is_named() -> None:
    async with serve(Site().app) as port:
        urls = [f"http://127.0.0.1:{port}/{path}" for path in ("a", "slow", "b")]
        with pytest.raises(ImageUrlError, match="come within") as caught:
            await fetch_images(urls, allow_private=True, max_seconds=0.5)
    assert caught.value.url == urls[1]


async def test_all_images_together_have_a_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1000 * MEGABYTE)
    async with serve(Site().app) as port:
        urls = [f"http://127.0.0.1:{port}/endless{n}" for n in range(4)]
        with pytest.raises(ImageUrlError, match="more than 32 MB"):
            await fetch_images(urls, allow_private=True)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "http://", "/a", "", "http://[", "http://a b/"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ImageUrlError):
        await fetch_images([url], allow_private=True)


async def test_too_many_images_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match=str(MAX_COUNT)):
        await fetch_images([f"http://x.example/{n}" for n in range(MAX_COUNT + 1)], allow_private=True)


async def test_a_proxy_or_netrc_of_the_environment_takes_no_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site = Site()
    async with serve(site.app) as port:
        await fetch_images([f"http://127.0.0.1:{port}/a"], allow_private=True)
    assert "authorization" not in site.requests[0].headers


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
    ],
)
def test_an_address_that_is_not_of_the_public_internet_is_known_as_such(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_a_public_address_is_known_as_such(address: str) -> None:
    assert is_public(address)
