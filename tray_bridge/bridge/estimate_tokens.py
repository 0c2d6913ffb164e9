"""An estimate of a prompt's tokens from its characters: Claude's tokenizer is not public.

It is used where Claude Code cannot have them counted upstream (`claude/token_counter.py`). The weights are a
least-squares fit of words, numbers, runs of punctuation and line breaks to the tokenizer that Anthropic published for
earlier models, raised by an eighth so that an estimate errs upwards. Estimate ÷ that tokenizer's count, on pieces of
2,500 characters:

| | pieces | 1 % are below | median | 99 % are below | most |
| --- | --- | --- | --- | --- | --- |
| English | 675 | 1.01 | 1.11 | 1.19 | 1.20 |
| Python | 707 | 1.01 | 1.13 | 1.20 | 1.31 |
| JavaScript | 406 | 1.06 | 1.13 | 1.26 | 1.32 |
| JSON, indented | 496 | 0.99 | 1.13 | 1.22 | 1.23 |
| JSON, on one line | 385 | 0.94 | 1.17 | 1.25 | 1.27 |
| JSON of records with ids and times | 60 | 1.13 | 1.16 | 1.21 | 1.21 |
| Chinese, with the same weight as before | 7 | 1.00 | 1.06 | | 1.15 |
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
_RAISED = 1.12
_WORD, _CAPITAL, _LONG_WORD = (
    0.97,
    0.31,
    0.12,
)  # a word after a space, one with a capital, each letter after the seventh
_PART = 1.17  # a word that follows no space, as in a name of several words
_CAPITALS = 1.10  # a word in capitals
_MIXED = 0.55  # each character of a name with letters and digits, such as a hash or a time
_DIGITS, _DIGIT = 1.20, 0.20  # a number, and each digit after its first
_CJK = 0.82  # each Chinese, Japanese or Korean character
_BYTE = 0.75  # each byte of any other letter or sign
_LINE, _SPACES = 0.86, 1.24  # line breaks with the indentation after them, a run of other spaces
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
            follows_space = found.start() == 0 or text[found.start() - 1] == " "
            total += _word(piece) if follows_space else _PART
        elif kind == "marks":
            total += _MARKS + _MARK * (len(piece) - 1)
        elif kind == "line":
            total += _LINE
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


def _word(piece: str) -> float:
    return _WORD + _LONG_WORD * max(0, len(piece) - 7) + _CAPITAL * piece[0].isupper()


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
