"""Job files that went wrong in every way we know: each is a located problem and nothing else."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dativo.config import load_job
from dativo.errors import InvalidConfigError
from dativo_test_support.unmeasured import unmeasured

SEED = os.environ.get("DATIVO_TEST_SEED", "1")
ROUNDS = 26

VALID = (
    """\
name: orders_to_lake
source:
  connector: postgres
  config:
    host: localhost
    port: 5432
streams:
  - name: public.orders
    mode: incremental
    cursor: updated_at
    primary_key: [id]
    columns: [id, updated_at, total]
  - name: public.*
    exclude: [public.tmp_*]
    mode: full
writer:
  connector: parquet
  config:
    path: ./lake
  mode: append
run:
  parallelism: 4
  memory: 512MB
  timeout: 2h
  retries: 3
""",
    """\
name: 'nightly.export-2'
run:
  epoch_rows: 1000
  epoch_size: 1.5GiB
  epoch_time: 90s
  stall_timeout: 1h30m
  require_one_snapshot: true
  parallelism: 1
source:
  config:
    api_key: "${env:KEY}"
  connector: stripe
streams:
  - name: top customers
    query: select * from customers
    write_mode: replace
    primary_key: [id, at]
  - name: charges
    mode: full
    columns: [id]
writer:
  mode: merge
  connector: parquet
""",
)

Mutator = Callable[[str, random.Random], str | bytes]


def lines_of(text: str, *, where: Callable[[str], bool]) -> list[int]:
    return [number for number, line in enumerate(text.splitlines()) if where(line)]


def change(text: str, number: int, line: str) -> str:
    lines = text.splitlines()
    lines[number] = line
    return "\n".join(lines) + "\n"


def values(text: str, *keys: str) -> list[int]:
    names = tuple(f"{key}:" for key in keys)
    return lines_of(text, where=lambda line: line.strip().removeprefix("- ").startswith(names))


def set_value(line: str, value: str) -> str:
    return f"{line.partition(':')[0]}: {value}"


CORE_SCALARS = ("name", "connector", "mode", "cursor", "parallelism", "memory", "timeout")


def wrong_type(text: str, rng: random.Random) -> str:
    keys = [key for key in CORE_SCALARS if key != "parallelism"]
    number = rng.choice(values(text, *keys, "write_mode", "query"))
    wrong = rng.choice(["[1, 2]", "{a: 1}", "true", "-1.5", "5", "[]", "{}", "[null]"])
    return change(text, number, set_value(text.splitlines()[number], wrong))


def wrong_list(text: str, rng: random.Random) -> str:
    number = rng.choice(values(text, "primary_key", "columns", "exclude"))
    wrong = rng.choice(["id", "{id: 1}", "[1]", "[[id]]", "[null]", "[{a: b}]", "5", "true"])
    return change(text, number, set_value(text.splitlines()[number], wrong))


def out_of_limits(text: str, rng: random.Random) -> str:
    number = values(text, "parallelism")[0]
    wrong = rng.choice(
        [
            "parallelism: 0",
            "parallelism: 65",
            "parallelism: 9" + "9" * rng.randint(1, 5000),
            "retries: -1",
            "memory: 1KB",
            "memory: 512",
            "memory: 512XB",
            "timeout: 0s",
            "timeout: 40d",
            "timeout: 2 hours",
            "timeout: -2h",
            "stall_timeout: ''",
            "epoch_rows: 0",
            "epoch_size: 5TB",
            "epoch_time: 1h 30m",
            "require_one_snapshot: 'yes'",
            "require_one_snapshot: yes",
        ]
    )
    key = wrong.partition(":")[0]
    for old in values(text, key):
        return change(text, old, f"  {wrong}")
    return change(text, number, f"{text.splitlines()[number]}\n  {wrong}")


def missing(text: str, rng: random.Random) -> str:
    number = rng.choice(values(text, "name", "connector", "source", "writer", "streams"))
    line = text.splitlines()[number]
    if line.strip().startswith("- "):
        return change(text, number, "  - mode: full\n    where: x")
    return change(text, number, "" if line.strip() != line or " " in line else "extra: 5\nmore:")


def unknown_key(text: str, rng: random.Random) -> str:
    number = rng.choice(values(text, *CORE_SCALARS, "columns", "primary_key", "run", "streams"))
    line = text.splitlines()[number]
    head, colon, rest = line.partition(":")
    at = rng.randrange(len(head.rstrip()) - 1, len(head))
    wrong = head[:at] + rng.choice("qzX_7é") + head[at:]
    return change(text, number, wrong + colon + rest)


def indentation(text: str, rng: random.Random) -> str:
    number = rng.choice(values(text, "connector", "mode", "cursor", "parallelism", "memory"))
    line = text.splitlines()[number]
    return change(text, number, " " * rng.choice([1, 3, 5]) + line + "\n" + line)


def tab(text: str, rng: random.Random) -> str:
    number = rng.choice(lines_of(text, where=lambda line: line.startswith(" ")))
    line = text.splitlines()[number]
    return change(text, number, "\t" * rng.randint(1, 3) + line.strip())


def duplicate(text: str, rng: random.Random) -> str:
    number = rng.choice(values(text, *CORE_SCALARS, "columns", "primary_key"))
    line = text.splitlines()[number]
    return change(text, number, f"{line}\n{line.replace('- ', '  ')}")


def anchors_bomb(text: str, rng: random.Random) -> str:
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, rng.randint(3, 12))]
    return "\n".join(bomb) + "\n" + text


def alias(text: str, rng: random.Random) -> str:
    number = rng.choice(values(text, *CORE_SCALARS))
    line = text.splitlines()[number]
    return change(text, number, set_value(line, rng.choice(["*here", "&here x", "&a [*a]"])))


def tag(text: str, rng: random.Random) -> str:
    number = rng.choice(values(text, *CORE_SCALARS, "columns", "host", "path", "api_key"))
    wrong = rng.choice(
        [
            "!!python/object/apply:os.system ['touch hacked']",
            "!!python/object:os.system {}",
            "!!python/name:os.system ''",
            "!!python/module:os ''",
            "!<tag:yaml.org,2002:python/object/apply:os.getcwd> []",
            "!!binary aGVsbG8=",
            "!!str 5",
            "!local x",
            "! x",
            "!unknown!x y",
        ]
    )
    return change(text, number, set_value(text.splitlines()[number], wrong))


def control_character(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    return text[:at] + rng.choice("\0\0\0\x01\x07\x1b\x7f\ufffe\uffff") + text[at:]


def escaped_character(text: str, rng: random.Random) -> str:
    number = rng.choice(values(text, *CORE_SCALARS, "host", "path", "api_key"))
    wrong = rng.choice(
        ['"a\\0b"', '"\\ud800"', '"\\x07"', '"\\udc00\\ud800"', '"\\q"', '"\\U00110000"']
    )
    return change(text, number, set_value(text.splitlines()[number], wrong))


def other_encoding(text: str, rng: random.Random) -> bytes:
    encoding = rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp1252", "bom"])
    if encoding == "bom":
        return "\ufeff\ufeff".encode() + text.encode()
    if encoding == "utf-7":
        return b"+AG4" + text.encode("utf-7")
    if encoding == "cp1252":
        return text.replace("mode", "m\xf6de").encode("cp1252")
    return text.encode(encoding)


def not_utf8(text: str, rng: random.Random) -> bytes:
    data = text.encode()
    at = rng.randrange(len(data))
    odd = rng.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe9", b"\xf5\x80\x80\x80"])
    return data[:at] + odd + data[at:]


def too_large(text: str, rng: random.Random) -> bytes:
    filler = rng.choice(["# padding\n", "- x\n", "[", "a: b\n", " ", "\n", "'", "&a ", "\0", "é"])
    data = filler.encode()
    return text.encode() + data * (10_000_000 // len(data))


def unclosed(text: str, rng: random.Random) -> str:
    number = rng.choice(values(text, *CORE_SCALARS, "columns"))
    wrong = rng.choice(
        ["'x", '"x', "[x", "{x", "{a: [b}", "x]: }{", "@x", "`x", "%x", "a: b: c", "- -"]
    )
    return change(text, number, set_value(text.splitlines()[number], wrong))


def structure(text: str, rng: random.Random) -> str:
    return rng.choice(
        [
            "",
            " \n\n",
            "# only a comment\n",
            "text\n",
            "5",
            "[]\n",
            "{}\n",
            f"---\n{text}---\n{text}",
            f"{text}...\n{text}",
            f"%YAML 1.1\n---\n{text}",
            f"%TAG ! tag:x,2000:\n---\n{text}",
            f"%\n{text}",
            "- " + text.replace("\n", "\n  "),
            f"job:\n  {text.replace(chr(10), chr(10) + '  ')}",
            f"? [a, b]\n: 5\n{text}",
            f"? {{a: b}}\n: 5\n{text}",
            f"<<: {{name: x}}\n{text}",
            f"'': 5\n{text}",
            f"5: 5\n{text}",
            text[: text.index("writer:")],
            text[: text.index("streams:")],
            text.replace("streams:", "streams: []\nold:"),
            "[" * rng.randint(40, 5_000),
            "{a: " * rng.randint(40, 5_000),
            "- " * rng.randint(40, 5_000),
            "".join(" " * n + "a:\n" for n in range(200)),
        ]
    )


MUTATORS: tuple[Mutator, ...] = (
    wrong_type,
    wrong_list,
    out_of_limits,
    missing,
    unknown_key,
    indentation,
    tab,
    duplicate,
    anchors_bomb,
    alias,
    tag,
    control_character,
    escaped_character,
    other_encoding,
    not_utf8,
    too_large,
    unclosed,
    structure,
    structure,
    structure,
)


def test_the_originals_are_valid(tmp_path: Path) -> None:
    for text in VALID:
        path = tmp_path / "job.yaml"
        path.write_text(text)
        load_job(path, environ={})


@pytest.mark.parametrize("number", range(len(MUTATORS) * ROUNDS))
def test_a_mutated_job_file_is_a_located_problem(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(f"{SEED}/{number}")
    mutate = MUTATORS[number % len(MUTATORS)]
    content = mutate(rng.choice(VALID), rng)
    data = content if isinstance(content, bytes) else content.encode()
    monkeypatch.chdir(tmp_path)
    path = Path("job.yaml")
    path.write_bytes(data)
    print(f"DATIVO_TEST_SEED={SEED} number={number} {mutate.__name__}: {data[:2000]!r}")  # noqa: T201

    started = time.perf_counter()
    with pytest.raises(InvalidConfigError) as raised:
        load_job(path, environ={})
    seconds = time.perf_counter() - started

    error = raised.value
    assert error.exit_code == 10
    assert error.fix
    assert error.problems
    for problem in error.problems:
        assert problem.line is not None
        assert problem.column is not None
        assert 1 <= problem.line <= data.count(b"\n") + 2
        assert problem.column >= 1
        assert str(problem).startswith(f"job.yaml:{problem.line}:{problem.column} ")
        assert problem.message
        assert "Traceback" not in str(problem)
        assert str(problem).isprintable()
    assert seconds < 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["job.yaml"]


MEASURE = """
import sys
from pathlib import Path
from dativo.config import load_job
from dativo.errors import InvalidConfigError
for name in sys.argv[1:]:
    try:
        load_job(Path(name))
    except InvalidConfigError:
        continue
    raise SystemExit(name)
# Not getrusage(): that peak starts with the memory of the process that forked this one.
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def test_no_job_file_takes_much_memory(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    worst = [
        *(too_large(VALID[0], random.Random(number)) for number in range(20)),
        anchors_bomb(VALID[0], rng).encode(),
        b"[" * 250_000,
        b"{a: " * 60_000,
        b"a: [" + b"1," * 120_000 + b"]",
        b"\n".join(b"k%d: {a: 1}" % number for number in range(15_000)),
        b"a: '" + b"x" * 250_000 + b"'",
    ]
    for number, data in enumerate(worst):
        (tmp_path / f"{number}.yaml").write_bytes(data)
    files = [str(tmp_path / f"{number}.yaml") for number in range(len(worst))]

    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *files],
        check=True,
        capture_output=True,
        text=True,
        env=unmeasured(),
    )

    assert int(done.stdout) < 300
