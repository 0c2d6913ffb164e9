"""Fetch the pictures and documents that a request names by URL, but nothing of this machine or its network.

Every address that a name resolves to is checked, and the connection goes to the address that was checked, so that DNS
rebinding gains nothing. Each redirect is checked too. No proxy, cookie or credential of this machine is used. Must not
know what the bytes are: `bridge.content` finds out.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeAlias

import httpx

from ..errors import InvalidRequestError
from ..machine.time_limit import wait_within

MAX_COUNT = 20
MAX_BYTES = 20 * 1024 * 1024
MAX_TOTAL_BYTES = 32 * 1024 * 1024  # the Messages API takes no larger request
MAX_REDIRECTS = 3
MAX_SECONDS = 30.0
AT_ONCE = 4
_HEADERS = {"user-agent": "tray-bridge", "accept": "image/*, */*;q=0.5", "accept-encoding": "identity"}
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]


class ImageUrlError(InvalidRequestError):
    """The picture or document at `url` could not be fetched; the caller knows which part of the request named it."""

    def __init__(self, url: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(f"The file {_shown(url)} {problem}.", code="invalid_image_url", hint=hint)
        self.url = url


async def resolve_name(host: str, port: int) -> list[str]:
    """Give every address of `host`; raises OSError where there is none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def fetch_images(
    urls: Iterable[str],
    *,
    allow_private: bool,
    resolve: Resolve = resolve_name,
    max_seconds: float = MAX_SECONDS,
) -> dict[str, bytes]:
    """Fetch each URL once; `max_seconds` is for all together. Raises ImageUrlError for one that fails."""
    wanted = list(dict.fromkeys(urls))
    if not wanted:
        return {}
    if len(wanted) > MAX_COUNT:
        raise InvalidRequestError(f"The request names {len(wanted)} URLs of files; {MAX_COUNT} is the most.")
    async with httpx.AsyncClient(trust_env=False, timeout=max_seconds, cookies=_no_cookies()) as client:
        fetch = _Fetch(client, allow_private, resolve)
        tasks = [asyncio.create_task(fetch(url)) for url in wanted]
        try:
            bodies = await wait_within(asyncio.gather(*tasks), max_seconds)
        except asyncio.TimeoutError:
            late = next((url for url, task in zip(wanted, tasks, strict=True) if task.cancelled()), wanted[0])
            raise ImageUrlError(late, f"did not come within {max_seconds:g} seconds") from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return dict(zip(wanted, bodies, strict=True))


class _Fetch:
    """Fetch the images of one request, with one client and one limit on their total size."""

    def __init__(self, client: httpx.AsyncClient, allow_private: bool, resolve: Resolve) -> None:
        self._client = client
        self._allow_private = allow_private
        self._resolve = resolve
        self._room = MAX_TOTAL_BYTES
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, url: str) -> bytes:
        async with self._gate:
            try:
                return await self._follow(url)
            except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError):
                raise ImageUrlError(url, "could not be fetched") from None

    async def _follow(self, url: str) -> bytes:
        target = httpx.URL(url)
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._open(url, target)
            try:
                if not response.is_redirect:
                    return await self._read(url, response)
                target = target.join(response.headers["location"])
            finally:
                await response.aclose()
        raise ImageUrlError(url, f"redirects more than {MAX_REDIRECTS} times")

    async def _open(self, url: str, target: httpx.URL) -> httpx.Response:
        """Connect to a checked address; the Host header and the certificate check keep the name."""
        if target.scheme not in ("http", "https") or not target.host:
            raise ImageUrlError(url, "has no http or https address")
        request = self._client.build_request(
            "GET",
            target.copy_with(host=await self._checked_address(url, target), userinfo=b""),
            headers={**_HEADERS, "host": target.netloc.decode("ascii")},
            extensions={"sni_hostname": target.raw_host.decode("ascii")},
        )
        return await self._client.send(request, stream=True)

    async def _checked_address(self, url: str, target: httpx.URL) -> str:
        port = target.port or (443 if target.scheme == "https" else 80)
        addresses = await self._resolve(target.raw_host.decode("ascii"), port)
        if not addresses:
            raise ImageUrlError(url, "could not be fetched")
        if not self._allow_private and not all(is_public(address) for address in addresses):
            raise ImageUrlError(
                url,
                "is at a private address, which is not fetched",
                hint="Send it as a data URL, or set fetch_private_addresses in the settings.",
            )
        return addresses[0]

    async def _read(self, url: str, response: httpx.Response) -> bytes:
        if response.status_code != 200:
            raise ImageUrlError(url, f"was answered with HTTP status {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise ImageUrlError(url, "came compressed, which was not asked for")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            self._room -= len(piece)
            if len(body) > MAX_BYTES:
                raise ImageUrlError(url, f"is larger than {MAX_BYTES // 1024 // 1024} MB")
            if self._room < 0:
                raise ImageUrlError(url, f"brings all to more than {MAX_TOTAL_BYTES // 1024 // 1024} MB")
        return bytes(body)


def _no_cookies() -> CookieJar:
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


def is_public(address: str) -> bool:
    """Return whether `address` is on the public internet; an IPv4 address inside an IPv6 one counts as itself."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
        return ip.is_global and ip in _GLOBAL_UNICAST
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _shown(url: str) -> str:
    """Give the URL without what may be secret: query, fragment and credentials."""
    bare = url.split("?")[0].split("#")[0]
    scheme, separator, rest = bare.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"[:200]
