"""What the session log's index costs and gives with 100,000 exchanges: `python -m tests.bench.log_index`."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tray_bridge.session_log import LogReader, SessionLog, writer
from tray_bridge.session_log.exchange import Exchange
from tray_bridge.turns import Message, Text, TextDelta, Turn, TurnEnded, TurnStarted, Usage

WORDS = 6_000  # of the vocabulary, as often as words of a language are
CLIENTS = ("Continue", "aider", "Zed", "curl", "OpenAI Python SDK")
MODELS = ("sonnet", "opus", "haiku")
RUNS = 21
ROUNDS = 3
EXCHANGES, WARM = 384, 128  # whole batches of the index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=100_000)
    parser.add_argument("--write-only", action="store_true", help="only the cost of writing an exchange")
    parser.add_argument(
        "--beside", type=Path, metavar="FOLDER", help="only that cost, by turns with another checkout's of Tray Bridge"
    )
    arguments = parser.parse_args()
    if arguments.beside:
        compare_writing(arguments.beside)
        return
    with tempfile.TemporaryDirectory(prefix="tray-bridge-log-") as place:
        folder = Path(place)
        costs, _ = write_cost(folder / "writing")
        mean = statistics.mean(costs) * 1000
        print(f"Writing one exchange, processor time: {milliseconds(costs)}, mean with the index's share {mean:.2f} ms")
        if arguments.write_only:
            return
        fill(folder / "log", arguments.count)
        program = (
            "import resource, sys, time; from pathlib import Path; from tray_bridge.session_log import LogReader;"
            "reader = LogReader(Path(sys.argv[1])); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
            "began = time.perf_counter(); total = reader.search().total;"
            "print(total, time.perf_counter() - began,"
            "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
        )
        command = [sys.executable, "-c", program, str(folder / "log")]
        total, seconds, more = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        size = (folder / "log" / "index.db").stat().st_size / 1e6
        print(
            f"Making the index of {total}: {float(seconds):.1f} s, {int(more) / 1000:.0f} MB more memory, {size:.0f} MB"
        )
        measure(folder / "log")


def compare_writing(other: Path) -> None:
    """Print what writing an exchange costs here and in another checkout, measured by turns in fresh programs."""
    here = Path(__file__).parents[2]
    figures: dict[Path, list[tuple[float, ...]]] = {other: [], here: []}
    for number in range(2 * ROUNDS):
        for checkout in (other, here) if number % 2 else (here, other):
            # This very file measures both.
            program = f"import runpy; runpy.run_path({__file__!r}, run_name='cost')"
            environment = {**os.environ, "PYTHONPATH": str(checkout)}
            output = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
            figures[checkout].append(tuple(map(float, output.stdout.split())))
            if output.returncode:
                raise SystemExit(output.stderr)
    print(f"Processor time of one exchange in ms, of {len(figures[here])} programs each: lowest, median")
    for checkout, found in figures.items():
        # Other work on the machine only adds.
        told = [f"{1000 * min(one):.3f}, {1000 * statistics.median(one):.3f}" for one in zip(*found, strict=True)]
        print(f"{checkout}: the log's thread under load {told[0]}, by itself {told[1]}; the request's {told[2]}")


def measure(folder: Path) -> None:
    began = time.perf_counter()
    LogReader(folder).search(limit=60)
    print(f"First page in a new program: {milliseconds([time.perf_counter() - began])}")
    reader = LogReader(folder)
    hour = time.time() - 3600
    questions: dict[str, dict[str, Any]] = {
        "the first page": {},
        "page 1000": {"offset": 60_000},
        "a rare word": {"text": "needle4711"},
        "a common word": {"text": vocabulary()[0]},
        "three common words in a run": {"text": " ".join(vocabulary()[:3])},
        "the beginning of a word": {"text": "lin"},
        "a common word and an outcome": {"text": vocabulary()[0], "outcome": "error"},
        "a model": {"model": "opus"},
        "a client": {"client": "zed"},
        "an outcome": {"outcome": "error"},
        "the last hour": {"since": hour},
        "a common word, a model and a client": {"text": vocabulary()[0], "model": "opus", "client": "zed"},
    }
    for name, question in questions.items():
        found = reader.search(limit=60, **{"offset": 0, **question}).total

        def ask(question: dict[str, Any] = question) -> object:
            return reader.search(limit=60, **{"offset": 0, **question})

        print(f"{name}: {milliseconds(times(ask))} ({found} found)")
    print(f"The filters' values: {milliseconds(times(reader.values))}")


def times(work: Callable[[], object]) -> list[float]:
    costs = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        costs.append(time.perf_counter() - began)
    return costs


def milliseconds(costs: list[float]) -> str:
    return f"median {statistics.median(costs) * 1000:.2f} ms of {len(costs)}"


def vocabulary() -> list[str]:
    rng = random.Random(1)
    return ["".join(rng.choices("aeinorstlmdw", k=rng.randint(3, 10))) for _ in range(WORDS)]


def write_cost(folder: Path, *, alone: bool = False) -> tuple[list[float], list[float]]:
    """Give the processor seconds of the log's thread for an exchange of a usual size, from its begin to its end, and
    those of the request's own thread.

    The index is told as under load: of many at once; or, `alone`, of each exchange by itself.
    """
    log = SessionLog(folder)
    rng = random.Random(2)
    batch = 1 if alone else getattr(writer, "INDEX_BATCH", 1)  # version 0.1 told it of each
    texts = [prose(rng, 400) for _ in range(60)]
    costs, own = [], []
    for number in range(EXCHANGES):
        # Copies: no two requests hold the same object.
        said = [f"{number} {text}" for text in rng.sample(texts, 9)]
        answer = f"{number} {rng.choice(texts)[:2000]}"
        start = time.thread_time()
        exchange = log.begin(
            exchange_id=f"req_{number}",
            endpoint="/v1/chat/completions",
            client="curl",
            key_name=None,
            streamed=True,
            request={"model": "sonnet", "messages": [{"role": "user", "content": text} for text in said]},
        )
        exchange.set_turn(Turn("sonnet", tuple(Message("user", (Text(text),)) for text in said)))
        began = time.thread_time()
        log._write_entries()
        middle = time.thread_time()
        exchange.record(TurnStarted("claude-sonnet"))
        exchange.record(TextDelta(answer))
        exchange.record(TurnEnded("end_turn", Usage(3, 2)))
        exchange.end("completed", status=200)
        again = time.thread_time()
        log._write_entries()
        if number % batch == batch - 1 and hasattr(log, "_write_index"):
            log._write_index()
        costs.append(time.thread_time() - again + middle - began)
        own.append(began - start + again - middle)
    return costs[WARM:], own[WARM:]


LETTERS = vocabulary()
WEIGHTS = [1 / (rank + 3) for rank in range(WORDS)]


def prose(rng: random.Random, count: int) -> str:
    return " ".join(rng.choices(LETTERS, WEIGHTS, k=count))


def fill(folder: Path, count: int) -> None:
    """Write files as the writer would: a week of exchanges with 300 words each."""
    sample = SessionLog(folder / "sample")
    sample.open()
    exchange: Exchange = sample.begin(
        exchange_id="sample", endpoint="/v1/chat/completions", client="curl", key_name=None, streamed=True, request={}
    )
    exchange.end("completed", status=200)
    sample.close()
    (file,) = (folder / "sample").glob("*/*.json")
    document = json.loads(file.read_bytes())
    shutil.rmtree(folder / "sample")
    rng = random.Random(3)
    for number in range(count):
        when = datetime.now().astimezone() - timedelta(seconds=number * 7 * 86400 / count)
        day = folder / f"{when:%Y-%m-%d}"
        day.mkdir(exist_ok=True, parents=True)
        one = document | {
            "id": f"req_{number}",
            "received": when.isoformat(),
            "client": rng.choice(CLIENTS),
            "model": rng.choice(MODELS),
            "outcome": "error" if number % 50 == 0 else "completed",
            "request": {"messages": [{"role": "user", "content": f"{prose(rng, 100)} needle{number}"}]},
            "answer": prose(rng, 200),
            "usage": {"input_tokens": 100, "output_tokens": 200, "cache_read_tokens": 5, "cache_creation_tokens": 0},
        }
        name = f"{when:%H%M%S}.{when.microsecond // 1000:03}-req_{number}.json"
        (day / name).write_text(json.dumps(one), encoding="utf-8")


if __name__ == "__main__":
    main()
elif __name__ == "cost":
    with tempfile.TemporaryDirectory(prefix="tray-bridge-log-") as place:
        under_load, own = write_cost(Path(place) / "load")
        by_itself, _ = write_cost(Path(place) / "alone", alone=True)
        print(*map(statistics.mean, (under_load, by_itself, own)))
