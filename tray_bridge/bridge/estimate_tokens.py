"""An estimate of a prompt's tokens from its characters: Claude's tokenizer is not public.

It is used where Claude Code cannot have them counted upstream (`claude/token_counter.py`). The weights are a
least-squares fit of words, numbers, runs of punctuation and line breaks to the tokenizer that Anthropic published for
earlier models, raised so that an estimate errs upwards. Estimate ÷ that tokenizer's count, on pieces of 2,500
characters:

| | pieces | 1 % are below | median | 99 % are below | most | above 1.25 | below 1 |
| --- | --- | --- | --- | --- | --- | --- | --- |
| English | 675 | 1.01 | 1.11 | 1.18 | 1.21 | 0 | 3 |
| Python | 707 | 1.00 | 1.13 | 1.19 | 1.30 | 1 | 7 |
| JavaScript | 406 | 1.04 | 1.11 | 1.24 | 1.29 | 4 | 0 |
| JSON, indented | 496 | 0.98 | 1.12 | 1.20 | 1.24 | 0 | 6 |
| JSON, on one line | 385 | 0.90 | 1.14 | 1.25 | 1.27 | 4 | 10 |
| JSON of records with ids and times | 60 | 1.12 | 1.14 | 1.19 | 1.19 | 0 | 0 |
| Chinese, with the same weight as before | 7 | 1.00 | 1.06 | | 1.15 | 0 | 0 |

Nine of 2,729 are above 1.25: schemas that repeat `"$ref": "#/definitions/…"`, and code that repeats a few long names,
each of which is one token. 26 are below 1: lists of paths and rare words, and base64, of more tokens than they look.
Only the tokenizer's own list of 65,000 words would tell these from others.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable

from ..turns import Block, Document, Image, RedactedThinking, Text, Thinking, ToolResult, ToolUse, Turn
from .media_type import image_size

_PIECES = re.compile(
    r"(?P<mixed>(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[0-9A-Za-z]{12,})|(?P<word>[A-Z]?[a-z]+)|(?P<capitals>[A-Z]+(?![a-z]))|(?P<digits>[0-9]+)"
    r"|(?P<cjk>[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+)|(?P<other>[^\x00-\x7f]+)"
    r"|(?P<line>[\r\n]+[ \t]*)|(?P<space>[ \t]{2,})|(?P<marks>(?:[^\w\s]|_)+)",
    re.ASCII,
)
_RAISED = 1.09
_WORD, _CAPITAL = 0.95, 0.30  # a word after a space, and more for one with a capital
_PART, _HUMP = 1.24, 0.92  # a word that follows no space, as in a name of several words; one with a capital
_LONG_WORD = 0.12  # each letter of a word after its seventh
_CAPITALS = 1.10  # a word in capitals
_MIXED = 0.55  # each character of a name with letters and digits, such as a hash or a time
_DIGITS, _DIGIT = 1.20, 0.20  # a number, and each digit after its first
_CJK = 0.84  # each Chinese, Japanese or Korean character
_BYTE = 0.77  # each byte of any other letter or sign
_LINE, _INDENTED, _SPACES = 1.79, 1.04, 1.24  # line breaks, those with indentation after them, a run of other spaces
_MARKS, _MARK = 0.98, 0.10  # a run of punctuation, and each mark after its first
_MESSAGE = 4  # around each message
_TOOLS = 320  # the Messages API's own prompt about tools, once
_TOOL = 12
_IMAGE_PIXELS, _IMAGE_MOST = 750, 1_600  # https://platform.claude.com/docs/en/build-with-claude/vision
_PDF_PAGE = 2_000


def estimate_text(text: str) -> int:
    """Estimate the tokens of a text."""
    total = 0.0
    for found in _PIECES.finditer(text):
        piece, kind = found[0], found.lastgroup
        if kind == "word":
            total += _word(piece, follows_space=found.start() == 0 or text[found.start() - 1] == " ")
        elif kind == "marks":
            total += _MARKS + _MARK * (len(piece) - 1)
        elif kind == "line":
            total += _INDENTED if piece[-1] in " \t" else _LINE
        elif kind == "digits":
            total += _DIGITS + _DIGIT * (len(piece) - 1)
        elif kind == "mixed":
            total += _MIXED * len(piece)
        elif kind == "capitals":
            total += _CAPITALS
        elif kind == "cjk":
            total += _CJK * len(piece)
        elif kind == "other":
            total += _BYTE * len(piece.encode("utf-8", "surrogatepass"))
        else:
            total += _SPACES
    return round(total * _RAISED)


def _word(piece: str, *, follows_space: bool) -> float:
    has_capital = piece[0].isupper()
    kind = _WORD + _CAPITAL * has_capital if follows_space else _HUMP if has_capital else _PART
    return kind + _LONG_WORD * max(0, len(piece) - 7)


def estimate_turn(turn: Turn) -> int:
    """Estimate the tokens of all that a turn sends: system prompt, tools and messages."""
    total = sum(map(estimate_text, turn.system))
    for tool in turn.tools:
        total += _TOOL + estimate_text(f"{tool.name} {tool.description} {json.dumps(tool.input_schema)}")
    total += _TOOLS if turn.tools else 0
    if turn.output_schema is not None:
        total += estimate_text(json.dumps(turn.output_schema))
    total += sum(_MESSAGE + _blocks(message.content) for message in turn.messages)
    return max(1, total)


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
            return _TOOL + estimate_text(f"{name} {json.dumps(arguments, ensure_ascii=False)}")
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
