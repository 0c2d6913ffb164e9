"""Output to the terminal: safe texts, errors in one form, and the exit codes.

Every command prints through here or through rich.
"""

from __future__ import annotations

import os
import re
import sys
import traceback

from ..errors import BridgeUnreachableError, SettingsError, TrayBridgeError
from ..machine.paths import cache_folder
from ..machine.private_files import remedy_of, replace_file
from ..machine.signals import INTERRUPTED

FAILED = 1
BAD_USAGE = 2  # argparse's own
UNREACHABLE = 3

# An answer may hold escape sequences, which a terminal would carry out.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def prepare_streams() -> None:
    """Print a character that the terminal cannot show as `?`, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):  # None in a windowed bundle
            stream.reconfigure(errors="replace")


def printable(text: str) -> str:
    """Remove control characters from `text`, except line breaks and tabs."""
    return _CONTROLS.sub("�", text)


def write(text: str) -> None:
    """Print at once; escape sequences are removed for a terminal, but not for a file or a pipe."""
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def show_error(error: BaseException, prefix: str = "") -> int:
    """Print an error for a person, and give the exit code for it."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # The reader of our output has exited (`| head`): print nothing, and do not flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if not isinstance(error, TrayBridgeError):
        error = _of_the_system(error) if isinstance(error, OSError) and error.strerror else _fault(error)
    lines = [f"{prefix}{error.title}: {error.message}", error.hint]
    if sys.stderr is not None:
        sys.stderr.write(printable("\n".join(line for line in lines if line)) + "\n")
    if isinstance(error, SettingsError):
        return BAD_USAGE
    return UNREACHABLE if isinstance(error, BridgeUnreachableError) else FAILED


def _of_the_system(error: OSError) -> TrayBridgeError:
    """Make an error of the system's own words, as for a full disk: it is not a fault of Tray Bridge."""
    what = f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return TrayBridgeError(what, title="The system refused", hint=remedy_of(error))


def _fault(error: BaseException) -> TrayBridgeError:
    """Make the message for an unexpected error, and write its details to a file."""
    path = cache_folder() / "fault.txt"
    more = f"This is a fault of Tray Bridge. Details: {path}"
    try:
        replace_file(path, "".join(traceback.format_exception(error)).encode("utf-8", "replace"))
    except OSError:
        more = "This is a fault of Tray Bridge."
    return TrayBridgeError(f"{type(error).__name__}: {error}".rstrip(": ") + ".", hint=more)
