"""A browser profile with one page, which is watched, and emptied between two tests."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Page, Request

# What the page still does, as at the end of an answer, is stored nowhere.
EMPTY_STORAGE = """
for (const name of ["localStorage", "sessionStorage"]) {
  window[name].clear();
  Object.defineProperty(window, name, { value: {} });
}
"""


class Profile:
    """Keeps a list of what its page must not do, and did."""

    def __init__(self, browser: Browser) -> None:
        self.complaints: list[str] = []
        self._origin = ""
        self._context = browser.new_context()
        self._context.grant_permissions(["clipboard-read", "clipboard-write"])
        self._context.set_default_timeout(30_000)
        self._context.on("request", self._watch_request)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._watch_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", self._watch_dialog)

    def load(self, url: str) -> None:
        self._origin = urlsplit(url).netloc
        self.page.goto(url)

    def empty(self) -> bool:
        """Forget all of the last test; False if a part of it would stay, and the profile is closed."""
        try:
            self.page.evaluate(EMPTY_STORAGE)
            self.page.goto("about:blank")
            self._context.clear_cookies()
            emptied = self._context.pages == [self.page]
        except Error:  # a page of the browser's own, say
            emptied = False
        if not emptied:
            self.close()
        self.complaints.clear()
        return emptied

    def close(self) -> None:
        self._context.close()

    def _watch_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.netloc != self._origin and parts.scheme not in ("data", "blob"):
            self.complaints.append(f"asked elsewhere: {request.url}")

    def _watch_console(self, message: ConsoleMessage) -> None:
        # The browser itself writes down answers like 404 and lost connections, which tests bring about.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _watch_dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()
