"""The source of a careless plugin: it gives its secrets away in every way that plugins do."""

from __future__ import annotations

from dativo_test_support.wheels import PluginWheel

__all__ = ["CARELESS", "careless_plugin"]

CARELESS = """
import base64, json, logging, os, subprocess, sys, threading, time, warnings
from urllib.parse import quote

import arro3.core as arro3
import attrs

from dativo import errors
from dativo.contract import *


@attrs.frozen
class Config:
    first: Secret = setting("A secret.")
    second: Secret = setting("A secret.")
    third: Secret = setting("A secret.")
    how: str = setting("What to do with them.", default="fine")
    port: int = setting("A number.", default=1)
    host: str = setting("A text.", default="localhost")
    url: Secret | None = setting("A secret that holds another.", default=None)


SCHEMA = arro3.Schema([arro3.Field("id", arro3.DataType.int64())])


def told(config):
    for secret in (config.first, config.second, config.third):
        raw = secret.reveal()
        data = raw.encode()
        middle = len(raw) // 2
        yield raw
        yield f"db://user:{raw}@host:5432/shop"
        yield f"db://user:{quote(raw, safe='')}@host/shop?x=1"
        yield f"db://user:{quote(raw)}@host/shop"
        yield json.dumps({"password": raw})
        yield json.dumps(json.dumps({"password": raw}))
        yield f"connect(password={raw!r})"
        yield "Authorization: Basic " + base64.b64encode(b"user:" + data).decode()
        yield "token " + base64.b64encode(data).decode()
        yield "x" + base64.urlsafe_b64encode(b"ab" + data).decode()
        yield f"bytes {data.hex()} {data.hex().upper()} {data!r}"
        yield f"backwards {raw[::-1]}"
        yield f"cut off {raw[:middle]}"
        yield f"the rest {raw[middle:]}"
    if config.url is not None:
        yield config.url.reveal()
        yield config.url.reveal().partition("user:")[2].partition("@host")[0]


def noise(config, context):
    log = logging.getLogger("acme.driver")
    for text in told(config):
        print(text)
        print(text, file=sys.stderr)
        log.warning("connecting to %s", text)
        log.debug("connecting to %s", text)
        context.log(text, level="warning", dsn=text)
        context.log(f"dsn {text}", level="debug", nested=[{"dsn": text}])
        context.progress(text)
        warnings.warn(text)
        data = text.encode()
        for descriptor in (1, 2):
            os.write(descriptor, data + b"\\n")
            for start in range(0, len(data), 11):
                os.write(descriptor, data[start : start + 11])
            os.write(descriptor, b"\\n")
        for file in (sys.stdout, sys.stderr):
            middle = len(text) // 2
            file.write(text[:middle])
            file.flush()
            time.sleep(0.001)
            file.write(text[middle:] + "\\n")
    try:
        raise ValueError(" ".join(told(config)))
    except ValueError:
        log.exception("failed")
    print(config, repr(config), f"{config.first} {config.first!r}", vars_of(config))
    subprocess.run(["cat"], input="\\n".join(told(config)).encode(), check=True)

    def fail():
        raise RuntimeError(" ".join(told(config)))

    thread = threading.Thread(target=fail, name=next(told(config)))
    thread.start()
    thread.join()
    (context.workdir / "dump").write_text("\\n".join(told(config)))


def vars_of(config):
    return attrs.asdict(config), [getattr(config, field.name) for field in attrs.fields(Config)]


def raises(config, context):
    try:
        raise KeyError(config.first.reveal(), config.second.reveal(), config.third.reveal())
    except KeyError as error:
        raise RuntimeError("cannot connect: " + " ".join(told(config))) from error


def raises_ours(config, context):
    texts = list(told(config))
    raise errors.InvalidCredentialsError(
        "refused: " + " ".join(texts),
        fix="try " + texts[0],
        details={"dsn": texts[1], "all": texts, "nested": {"deep": [texts[2]]}, texts[3]: 1},
        stream=texts[4],
        connector=texts[5],
        phase=texts[6],
    )


def raises_long(config, context):
    raise RuntimeError("x" * config.port + config.second.reveal() + "y" * 100)


def exits(config, context):
    sys.exit("cannot connect: " + " ".join(told(config)))


def dies(config, context):
    noise(config, context)
    os.abort()


def starts_children(config, context):
    subprocess.run(["sleep", "0.7"], check=True)
    subprocess.run([sys.executable, "-c", "import time; time.sleep(0.7)"], check=True)


def fine(config, context):
    (context.workdir / "dump").write_text(config.first.reveal())


WAYS = {
    "fine": fine, "noise": noise, "raises": raises, "raises_ours": raises_ours,
    "raises_long": raises_long, "exits": exits,
    "dies": dies, "children": starts_children, "names": fine, "items": fine,
}


@hookimpl
def describe():
    return ConnectorInfo(title="Careless", source=SourceInfo(config=Config))


@hookimpl
def check_connection(config, context):
    WAYS[config.how](config, context)
    items = [CheckItem.ok("host", "reached")]
    if config.how == "items":
        for text in told(config):
            items.append(CheckItem.ok(text, text))
            items.append(CheckItem.failed(text, errors.NetworkError(text, fix=text)))
    return ConnectionTestResult(tuple(items))


@hookimpl
def discover(config, context):
    WAYS[config.how](config, context)
    yield Stream(name="things", schema=SCHEMA)
    if config.how == "names":
        for number, text in enumerate(told(config)):
            yield Stream(
                name=f"things {text}"[:900],
                schema=arro3.Schema([arro3.Field(f"{number} {text}", arro3.DataType.int64())]),
                description=text,
                problem=errors.InsufficientPermissionsError(text, fix=text),
            )


@hookimpl
def extract(config, request, context):
    def batches():
        WAYS[config.how](config, context)
        yield arro3.RecordBatch([arro3.Array([1, 2, 3], arro3.DataType.int64())], schema=SCHEMA)

    yield context.reader(SCHEMA, batches())
"""


def careless_plugin() -> PluginWheel:
    """Describe the distribution that registers the source `careless`."""
    return PluginWheel.of_connector("careless", CARELESS)
