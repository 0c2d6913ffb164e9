"""No CLI process outlives the app, however the app ends. All differences between platforms are here.

When the app is killed, a CLI finishes its turn: end of input does not stop it earlier. On Windows the app joins a job
object, whose processes the system ends when its last handle closes. Elsewhere a shell reads a pipe from the app, and
ends the processes that are left when the pipe closes.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

# Reads `+pid` and `-pid` until the app's end of the pipe closes. The app's own signals reach its whole group, and the
# guard ends only after the app. A CLI gets three seconds at most to remove its files from the user's
# folders.
_GUARD_SCRIPT = """
trap '' INT TERM HUP
watched=
while read -r line; do
  pid=${line#?}
  others=
  for each in $watched; do
    [ "$each" = "$pid" ] || others="$others $each"
  done
  case $line in
    +*) watched="$others $pid" ;;
    -*) watched=$others ;;
  esac
done
[ -n "$watched" ] || exit 0
kill -TERM $watched
for _ in 1 2 3; do
  sleep 1
  left=
  for each in $watched; do
    kill -0 "$each" && left="$left $each"
  done
  [ -n "$left" ] || exit 0
  watched=$left
done
kill -KILL $watched
"""


class _Guard:
    """The app's side. One for each process of the app; not for several threads at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._job: object | None = None
        self._watched: set[int] = set()

    def watch(self, pid: int) -> None:
        """End the process `pid` when the app ends, from now on."""
        self._watched.add(pid)
        if sys.platform == "win32":
            self._job = self._job or _join_kill_on_close_job()
        elif self._process is None or self._process.poll() is not None:
            self._process = _start_guard()
            for each in self._watched:
                self._tell(f"+{each}")
        else:
            self._tell(f"+{pid}")

    def forget(self, pid: int) -> None:
        """Stop watching `pid`: it has ended, and its number may be used again."""
        self._watched.discard(pid)
        self._tell(f"-{pid}")

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.write(line.encode() + b"\n")
                self._process.stdin.flush()


guard = _Guard()


def _start_guard() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _GUARD_SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", os.defpath)},  # a bundle's libraries are not for other programs
        start_new_session=True,
    )


def _join_kill_on_close_job() -> object:
    """Put this process, and with it all its children, into a job that is killed when its handle closes (Windows).

    See https://learn.microsoft.com/windows/win32/procthread/job-objects, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE.
    """
    import ctypes
    from ctypes import wintypes

    class BasicLimits(ctypes.Structure):
        _fields_ = (
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        )

    class ExtendedLimits(ctypes.Structure):
        _fields_ = (
            ("BasicLimitInformation", BasicLimits),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        )

    kill_on_close, extended_limit_class = 0x2000, 9
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel32.CreateJobObjectW.restype = wintypes.HANDLE
    kernel32.GetCurrentProcess.restype = wintypes.HANDLE
    job = wintypes.HANDLE(kernel32.CreateJobObjectW(None, None))
    limits = ExtendedLimits()
    limits.BasicLimitInformation.LimitFlags = kill_on_close
    kernel32.SetInformationJobObject(job, extended_limit_class, ctypes.byref(limits), ctypes.sizeof(limits))
    kernel32.AssignProcessToJobObject(job, wintypes.HANDLE(kernel32.GetCurrentProcess()))
    return job
