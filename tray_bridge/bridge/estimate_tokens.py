"""An estimate of a prompt's tokens from its characters: Claude's tokenizer is not public.

It is used where Claude Code cannot have them counted upstream (`claude/token_counter.py`). The weights of words,
numbers, runs of punctuation and line breaks are fitted to the tokenizer that Anthropic published for earlier models, so
that an estimate errs upwards, by a quarter at most. Estimate ÷ that tokenizer's count, on pieces of 1,000 to 2,500
characters; the first number of a pair is of texts that the weights were tuned on, the second of others:

| | pieces | 1 % are below | median | 99 % are below | above 1.25 | below 1 |
| --- | --- | --- | --- | --- | --- | --- |
| English | 675, 743 | 1.03, 0.95 | 1.13, 1.13 | 1.24, 1.24 | 4, 6 | 1, 17 |
| Python | 707, 2119 | 1.05, 1.04 | 1.16, 1.16 | 1.21, 1.23 | 1, 2 | 2, 6 |
| JavaScript | 406, 1310 | 1.06, 1.03 | 1.15, 1.14 | 1.21, 1.21 | 1, 7 | 0, 4 |
| C, shell, HTML and the like | 1147 | 0.97 | 1.12 | 1.34 | 24 | 37 |
| JSON, indented | 496, 1455 | 1.04, 1.03 | 1.17, 1.17 | 1.23, 1.23 | 0, 1 | 1, 6 |
| JSON, on one line | 445, 409 | 1.01, 1.00 | 1.16, 1.15 | 1.23, 1.23 | 0, 1 | 4, 3 |
| Chinese, traditional too, and in JSON | 584 | 1.03 | 1.11 | 1.23 | 0 | 0 |

Above 1.25 are texts that repeat a few long names, each of which is one token, and lists of numbers. Below 1 are lists
of people's names, paths and rare words, which are more tokens than they look. Only the tokenizer's own list of 65,000
words would tell these from others: a list of its 16,000 most frequent ones is worse than these weights.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from unicodedata import normalize

from ..turns import Block, Document, Image, RedactedThinking, Text, Thinking, ToolResult, ToolUse, Turn
from .foreign_tokens import foreign_weight
from .media_type import image_size

_PIECES = re.compile(
    r"(?P<mixed>(?=[A-Za-z+/]*[0-9])(?=[0-9+/]*[A-Za-z])(?![0-9A-Za-z+/]{0,30}[a-z]{5})[0-9A-Za-z+/]{12,})"
    r"|(?P<word>[A-Z]?[a-z]+)"
    r"|(?P<capitals>[A-Z]+(?![a-z]))|(?P<digits>[0-9]+)|(?P<line>[\r\n]+[ \t]*)|(?P<space>[ \t]{2,})"
    r"|(?P<marks>[!-/:-@\[-`{-~]+)|(?P<other>[^\x00-\x7f]+)"
)
_VOWEL = re.compile(r"[aeiouyAEIOUY]")
_WORD, _CAPITAL = 1.04, 0.3  # a word after a space, and more for one with a capital
_PART, _HUMP = 1.24, 1.10  # a word within a name, after a letter or digit; one that begins with a capital
_AFTER_MARK, _CAPITAL_AFTER_MARK = 1.34, 0.07  # a word that follows a mark or a line break
_LONG_WORD = 0.012  # each letter of a word after its seventh
_NO_VOWEL = 0.39  # more for a word of three letters or more, none of them a vowel
_CAPITALS, _CAPITALS_LETTER = 1.11, 0.063  # a word in capitals, and each letter after its first
_HASH, _BASE64 = 0.61, 0.69  # each character of a hash, a time or the like; of encoded bytes
_BASE64_LENGTH = 25
_DIGITS, _DIGIT = 1.14, 0.194  # a number, and each digit after its first
_LINE, _INDENTED, _SPACES = 2.25, 1.27, 1.45  # line breaks, those with indentation after them, a run of other spaces
_MARKS, _VARIED = 1.165, 1.02  # a run of punctuation, and each different mark in it after the third
_MESSAGE = 4  # around each message
_TOOLS = 320  # the Messages API's own prompt about tools, once
_TOOL = 12
_IMAGE_PIXELS, _IMAGE_MOST = 750, 1_600  # https://platform.claude.com/docs/en/build-with-claude/vision
_PDF_PAGE = 2_000


def estimate_text(text: str) -> int:
    """Estimate the tokens of a text."""
    text = normalize("NFKC", text)  # as the tokenizer does
    total = 0.0
    for found in _PIECES.finditer(text):
        piece, kind = found[0], found.lastgroup
        if kind == "word":
            total += _word(piece, text[found.start() - 1] if found.start() else " ")
        elif kind == "marks":
            total += _MARKS + _VARIED * max(0, len(set(piece)) - 3)
        elif kind == "line":
            total += _INDENTED if piece[-1] in " \t" else _LINE
        elif kind == "digits":
            total += _DIGITS + _DIGIT * (len(piece) - 1)
        elif kind == "mixed":
            is_base64 = len(piece) >= _BASE64_LENGTH and not piece.isupper() and not piece.islower()
            total += (_BASE64 if is_base64 else _HASH) * len(piece)
        elif kind == "capitals":
            total += _CAPITALS + _CAPITALS_LETTER * (len(piece) - 1)
        elif kind == "other":
            total += foreign_weight(piece)
        else:
            total += _SPACES
    return round(total)


def _word(piece: str, before: str) -> float:
    has_capital = piece[0].isupper()
    if before == " ":
        start = _WORD + _CAPITAL * has_capital
    elif before.isascii() and before.isalnum():
        start = _HUMP if has_capital else _PART
    else:
        start = _AFTER_MARK + _CAPITAL_AFTER_MARK * has_capital
    no_vowel = _NO_VOWEL if len(piece) > 2 and not _VOWEL.search(piece) else 0.0
    return start + _LONG_WORD * max(0, len(piece) - 7) + no_vowel


def estimate_turn(turn: Turn) -> int:
    """Estimate the tokens of all that a turn sends: system prompt, tools and messages."""
    total = sum(map(estimate_text, turn.system))
    for tool in turn.tools:
        total += _TOOL + estimate_text(f"{tool.name} {tool.description} {_json(tool.input_schema)}")
    total += _TOOLS if turn.tools else 0
    if turn.output_schema is not None:
        total += estimate_text(_json(turn.output_schema))
    total += sum(_MESSAGE + _blocks(message.content) for message in turn.messages)
    return max(1, total)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _blocks(blocks: Iterable[Block]) -> int:
    return sum(map(_block, blocks))


def _block(block: Block) -> int:
    match block:
        case Text(text):
            return estimate_text(text)
        case Thinking(text):
            return estimate_text(text)
        case RedactedThinking(data):
            return len(data) // 4
        case Image(media_type, data):
            return _image(media_type, data)
        case Document(media_type, data):
            return estimate_text(data) if media_type == "text/plain" else _pdf(data)
        case ToolUse(name=name, input=arguments):
            return _TOOL + estimate_text(f"{name} {_json(arguments)}")
        case ToolResult(content=content):
            return _TOOL + _blocks(content)


def _image(media_type: str, data: str) -> int:
    try:
        width, height = image_size(b64decode(data), media_type)
    except (ValueError, KeyError):
        return _IMAGE_MOST
    return min(_IMAGE_MOST, width * height // _IMAGE_PIXELS + 1)


def _pdf(data: str) -> int:
    try:
        pages = len(re.findall(rb"/Type\s*/Page\b", b64decode(data)))
    except Base64Error:
        pages = 1
    return max(1, pages) * _PDF_PAGE
