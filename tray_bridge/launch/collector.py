"""The garbage collector of Tray Bridge's own process, once all is loaded."""

from __future__ import annotations

import gc

from . import is_used

_is_settled = False


def settle() -> None:
    """Keep what was loaded out of later collections; the second call and later ones do nothing.

    There is no collection before: it would delay the first answer, and what garbage is kept is kept only once.
    """
    global _is_settled
    if _is_settled or not is_used("collector"):
        return
    _is_settled = True
    gc.freeze()
