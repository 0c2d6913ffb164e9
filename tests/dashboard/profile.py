"""A browser profile with one page, which is watched, and emptied between two tests."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Frame, Page, Request

# What the page still does, as at the end of an answer, is stored nowhere.
EMPTY_STORAGE = """
for (const name of ["localStorage", "sessionStorage"]) {
  window[name].clear();
  Object.defineProperty(window, name, { value: {} });
}
"""

# Where an open page is between two tests: a view that asks for little.
BETWEEN = "#/keys"
# Done when the page knows the server's state of now, and shows the view made anew.
GO = """async hash => {
  const { ask, live } = await import("/dashboard/static/connection.js");
  const { started_at } = await ask("/snapshot");
  for (let tries = 0; live.snapshot?.started_at !== started_at; tries++) {
    if (tries > 2000) throw new Error("the page does not hear from the server");
    await new Promise((go) => setTimeout(go, 10));
  }
  const shown = new Promise((done) => addEventListener("hashchange", done, { once: true }));
  location.hash = hash;
  await shown;
}"""
# False where something would stay that is not of a view: a dialog, or a chosen theme.
LEAVE = """async between => {
  const clean = !localStorage.theme && !document.querySelector("dialog");
  localStorage.clear();
  sessionStorage.clear();
  const left = new Promise((done) => addEventListener("hashchange", done, { once: true }));
  if (clean && location.hash !== between) {
    location.hash = between;
    await left;
  }
  return clean;
}"""


class Profile:
    """Keeps a list of what its page must not do, and did."""

    def __init__(self, browser: Browser) -> None:
        self.complaints: list[str] = []
        self.origin = ""
        self._tried = False
        self._context = browser.new_context()
        self._context.grant_permissions(["clipboard-read", "clipboard-write"])
        self._context.set_default_timeout(30_000)
        self._context.on("request", self._watch_request)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._watch_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", self._watch_dialog)
        self.page.on("framenavigated", self._watch_view)

    def load(self, url: str) -> None:
        self.origin = urlsplit(url).netloc
        self.page.goto(url)

    def go(self, url: str) -> None:
        """Show a view in the page that is open between two views."""
        self.page.evaluate(GO, f"#{urlsplit(url).fragment or '/now'}")

    def leave(self) -> bool:
        """Leave the view, with the page open and nothing stored; False if it is not as good as new then."""
        try:
            return bool(self.page.evaluate(LEAVE, BETWEEN)) and not self._tried and not self.complaints
        except Error:
            return False

    def empty(self) -> bool:
        """Forget all of the last test; False if a part of it would stay, and the profile is closed."""
        try:
            self.page.evaluate(EMPTY_STORAGE)
            self.page.goto("about:blank")
            self._tried = False
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
        if parts.netloc != self.origin and parts.scheme not in ("data", "blob"):
            self.complaints.append(f"asked elsewhere: {request.url}")

    def _watch_view(self, frame: Frame) -> None:
        self._tried = self._tried or "#/try" in frame.url  # its conversation stays in the page

    def _watch_console(self, message: ConsoleMessage) -> None:
        # The browser itself writes down answers like 404 and lost connections, which tests bring about.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _watch_dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()
