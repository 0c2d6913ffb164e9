"""Thinking on its way to a client and back: how a block of ours is recognised, to the byte.

Upstream signs its thinking and refuses a block with another signature. A client may send blocks of another server, or
changed ones. So each signature is sent in an envelope that names this bridge and the model, and holds a digest of the
text; where the client asked for thinking without its text (`display: omitted`), it holds the text too. A block without
a valid envelope is dropped: the Messages API accepts a conversation without its old thinking.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from hashlib import sha256

from ...turns import JsonObject, RedactedThinking, Thinking

_MARK = "tray-bridge-1"
LONGEST_TEXT = 4_000_000  # characters: no envelope of ours holds more


def seal(thinking: Thinking, *, omitted: bool = False) -> str:
    """Make the signature for the client; "" for thinking that upstream did not sign."""
    if not thinking.signature:
        return ""
    text = b64encode(zlib.compress(_bytes(thinking.text))).decode() if omitted else ""
    return ":".join((_MARK, _digest(thinking), _plain(thinking.model), text, thinking.signature))


def seal_redacted(block: RedactedThinking) -> str:
    """Make the data of an encrypted block for the client."""
    return ":".join((_MARK, _plain(block.model), block.data))


def unseal(part: JsonObject) -> Thinking | RedactedThinking | None:
    """Give the block that Claude wrote, from the one that a client sent; None if it is not ours or was changed."""
    if part.get("type") == "redacted_thinking":
        return _unseal_redacted(part.get("data"))
    text, sealed = part.get("thinking"), part.get("signature")
    if not isinstance(sealed, str) or not isinstance(text, str):
        return None
    pieces = sealed.split(":", 4)
    if len(pieces) != 5 or pieces[0] != _MARK:
        return None
    _, digest, model, kept, signature = pieces
    whole = _unpack(kept) if kept else text
    if whole is None or not signature:
        return None
    thinking = Thinking(whole, signature, model)
    return thinking if digest == _digest(thinking) else None


def _unseal_redacted(sealed: object) -> RedactedThinking | None:
    pieces = sealed.split(":", 2) if isinstance(sealed, str) else []
    ours = len(pieces) == 3 and pieces[0] == _MARK and pieces[2]
    return RedactedThinking(pieces[2], pieces[1]) if ours else None


def _plain(model: str) -> str:
    """Give a model's id without the colon of some providers, which separates the parts of the envelope."""
    return model.replace(":", "")


def _digest(thinking: Thinking) -> str:
    text = (_plain(thinking.model), thinking.signature, thinking.text)
    return sha256(b"\0".join(map(_bytes, text))).hexdigest()[:32]


def _unpack(kept: str) -> str | None:
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(a2b_base64(kept.encode("ascii")), LONGEST_TEXT)
        return data.decode("utf-8", "surrogatepass") if unpacker.eof else None
    except (Base64Error, zlib.error, ValueError):
        return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
