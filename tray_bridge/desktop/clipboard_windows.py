"""The Windows clipboard, through its own calls (`clip.exe` would mangle what is not ASCII)."""

from __future__ import annotations

import ctypes
import sys
import time

CF_UNICODETEXT = 13
GMEM_MOVEABLE = 0x0002
TRIES = 10


def copy_to_windows(text: str) -> bool:
    """Put `text` on the clipboard; return False if another program holds it open."""
    if sys.platform != "win32":
        raise OSError("only Windows has this clipboard")
    user, kernel = ctypes.WinDLL("user32"), ctypes.WinDLL("kernel32")
    # Handles and pointers are 64 bits wide; ctypes takes results for int without this.
    kernel.GlobalAlloc.restype = kernel.GlobalLock.restype = ctypes.c_void_p
    kernel.GlobalAlloc.argtypes = [ctypes.c_uint, ctypes.c_size_t]
    kernel.GlobalLock.argtypes = kernel.GlobalUnlock.argtypes = kernel.GlobalFree.argtypes = [ctypes.c_void_p]
    user.SetClipboardData.argtypes = [ctypes.c_uint, ctypes.c_void_p]
    user.SetClipboardData.restype = ctypes.c_void_p

    if not any(user.OpenClipboard(None) or time.sleep(0.05) for _ in range(TRIES)):
        return False
    try:
        user.EmptyClipboard()
        data = text.encode("utf-16-le") + b"\0\0"
        memory = kernel.GlobalAlloc(GMEM_MOVEABLE, len(data))
        place = memory and kernel.GlobalLock(memory)
        if not place:
            return False
        ctypes.memmove(place, data, len(data))
        kernel.GlobalUnlock(memory)
        if user.SetClipboardData(CF_UNICODETEXT, memory):
            return True  # the memory is Windows' now
        kernel.GlobalFree(memory)
        return False
    finally:
        user.CloseClipboard()
