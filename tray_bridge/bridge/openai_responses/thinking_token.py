"""Claude's signed thinking as the opaque `encrypted_content` of a reasoning item, and back.

A token has a version and a checksum, so that one of another server, or one that was cut, is recognised and dropped. It
is not a secret: upstream checks Claude's own signature. It names the model that thought: another one does not get it.
"""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from ...turns import RedactedThinking, Thinking

_VERSION = "tb2."
_WITHOUT_MODEL = "tb1."  # Claude Code drops the thinking of an unknown model
_CHECKSUM = 8  # bytes
_LARGEST = 4 * 1024 * 1024  # bytes of thinking; models write far less


def to_token(block: Thinking | RedactedThinking) -> str:
    """Make the token of one block."""
    said = [block.text, block.signature] if isinstance(block, Thinking) else [block.data]
    fields = [block.model, *said]
    packed = zlib.compress(json.dumps(fields).encode())
    return _VERSION + urlsafe_b64encode(sha256(packed).digest()[:_CHECKSUM] + packed).decode()


def from_token(token: object) -> Thinking | RedactedThinking | None:
    """Give the block of a token; None for any other text."""
    if not isinstance(token, str) or not token.startswith((_VERSION, _WITHOUT_MODEL)):
        return None
    try:
        data = urlsafe_b64decode(token[len(_VERSION) :])
        packed = data[_CHECKSUM:]
        if sha256(packed).digest()[:_CHECKSUM] != data[:_CHECKSUM]:
            return None
        fields = json.loads(zlib.decompressobj().decompress(packed, _LARGEST))
    except (ValueError, zlib.error, RecursionError):
        return None
    if not isinstance(fields, list) or not all(isinstance(field, str) for field in fields):
        return None
    model, *said = fields if token.startswith(_VERSION) else ["", *fields]
    if len(said) == 2:
        return Thinking(said[0], said[1], model)
    return RedactedThinking(said[0], model) if len(said) == 1 else None
