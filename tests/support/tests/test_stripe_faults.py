from __future__ import annotations

import datetime as dt
import ssl
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from dativo_test_support.stripe import FakeStripe, Fault, Request, Seen, Step, together, too_early
from dativo_test_support.stripe import data_faults as data
from dativo_test_support.stripe import faults as wrong
from dativo_test_support.stripe import wire_faults as wire
from dativo_test_support.tls import Certificate


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeStripe]:
    with FakeStripe(seed=8) as fake:
        fake.add_many("charge", 60)
        yield fake


@pytest.fixture
def get(fake: FakeStripe) -> Iterator[Callable[..., httpx.Response]]:
    """Asks for charges, 20 of them unless told otherwise."""
    fake.script = []
    fake.requests.clear()
    with httpx.Client(base_url=fake.url, auth=(fake.key, ""), timeout=5) as client:

        def get(**params: str) -> httpx.Response:
            return client.get("/v1/charges", params={"limit": "20", **params})

        yield get


Get = Callable[..., httpx.Response]


def test_a_step_strikes_the_requests_that_it_is_for(fake: FakeStripe, get: Get) -> None:
    fake.script = [
        Step(wrong.status(500), path="limit=3", skip=1, times=2),
        Step(wrong.status(503), path=r"/v1/charges\?limit=5"),
    ]

    limits = ["3", "3", "5", "3", "3", "5", "7"]
    assert [get(limit=one).status_code for one in limits] == [200, 500, 503, 500, 200, 200, 200]


@pytest.mark.parametrize(
    ("fault", "header"),
    [
        (wrong.too_many(), None),
        (wrong.too_many(7), "7"),
        (wrong.too_many(0), "0"),
        (wrong.too_many(3600), "3600"),
    ],
)
def test_a_refusal_by_rate_may_tell_how_long_to_wait(
    fake: FakeStripe, get: Get, fault: Fault, header: str | None
) -> None:
    fake.script = [Step(fault)]
    answer = get()

    assert (answer.status_code, answer.headers.get("retry-after")) == (429, header)
    assert answer.json()["error"]["code"] == "rate_limit"
    assert fake.requests[0].retry_after_seconds == (None if header is None else float(header))
    assert get().status_code == 200


def test_how_long_to_wait_may_be_a_date_by_the_clock_of_the_server(
    fake: FakeStripe, get: Get
) -> None:
    fake.script = [Step(wrong.too_many(30, as_date=True))]
    headers = get().headers

    until, now = (parsedate_to_datetime(headers[name]) for name in ("retry-after", "date"))
    assert until - now == dt.timedelta(seconds=30)
    assert fake.requests[0].retry_after_seconds == 30


@pytest.mark.parametrize("code", [408, 409, 500, 502, 503, 504])
def test_an_error_of_the_api_has_its_status(fake: FakeStripe, get: Get, code: int) -> None:
    fake.script = [Step(wrong.status(code))]
    answer = get()

    assert answer.status_code == code
    assert answer.json()["error"]["type"] == "api_error"


@pytest.mark.parametrize(
    "fault", [wrong.html_page(), wrong.empty_answer(), wire.truncated_json(), wrong.html_page(502)]
)
def test_an_answer_that_is_no_json_comes_whole(fake: FakeStripe, get: Get, fault: Fault) -> None:
    fake.script = [Step(fault)]

    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        get().json()
    assert len(get().json()["data"]) == 20


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (wire.reset(), httpx.ReadError),
        (wire.reset(None), httpx.ReadError),
        (wire.wrong_length(), httpx.RemoteProtocolError),
        (wire.chunks_cut(), httpx.RemoteProtocolError),
        (wire.corrupt_gzip(), httpx.DecodingError),
        (wire.never(), httpx.ReadTimeout),
        (wire.dripping(head=True), httpx.ReadTimeout),
    ],
)
def test_an_answer_is_lost_on_the_way(
    fake: FakeStripe, fault: Fault, error: type[Exception]
) -> None:
    fake.script = [Step(fault)]

    with httpx.Client(base_url=fake.url, auth=(fake.key, ""), timeout=0.3) as client:
        with pytest.raises(error):
            client.get("/v1/charges")
        assert client.get("/v1/charges").status_code == 200


def test_a_slow_body_comes_a_byte_at_a_time(fake: FakeStripe, get: Get) -> None:
    fake.script = [Step(together(wire.dripping(200), wrong.too_many()))]
    started = time.monotonic()

    assert get().status_code == 429
    assert time.monotonic() - started >= 1


def test_fewer_bytes_than_there_are_leave_a_cut_text(fake: FakeStripe) -> None:
    fake.script = [Step(wire.wrong_length(-50))]
    plain = {"Accept-Encoding": "identity"}
    answer = httpx.get(f"{fake.url}/v1/charges", auth=(fake.key, ""), headers=plain)

    with pytest.raises(ValueError, match="Expecting"):
        answer.json()


def test_two_refusals_at_once_are_over_when_the_second_is(fake: FakeStripe) -> None:
    fake.server.refuse(0.05)
    fake.server.refuse(0.1)
    time.sleep(0.2)

    assert httpx.get(f"{fake.url}/v1/charges", auth=(fake.key, "")).status_code == 200


def test_nobody_can_connect_for_a_while(fake: FakeStripe) -> None:
    fake.script = [Step(wire.refused(0.3))]

    def ask() -> int:
        return httpx.get(f"{fake.url}/v1/charges", auth=(fake.key, "")).status_code

    with pytest.raises(httpx.ReadError):
        ask()
    with pytest.raises(httpx.ConnectError):
        ask()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert ask() == 200
            break
        except httpx.ConnectError:
            time.sleep(0.05)
    else:
        pytest.fail("it never came back")


def test_a_redirect_names_another_host(fake: FakeStripe, get: Get) -> None:
    fake.script = [Step(wrong.redirected("http://127.0.0.1:9", 307))]
    answer = get(limit="2")

    assert answer.status_code == 307
    assert answer.headers["location"] == "http://127.0.0.1:9/v1/charges?limit=2"


def test_a_page_comes_again(fake: FakeStripe, get: Get) -> None:
    ids = fake.ids("charge")
    fake.script = [Step(wrong.repeated_page(), path="starting_after")]
    again = get(starting_after=ids[19]).json()
    right = get(starting_after=ids[19]).json()

    assert [one["id"] for one in again["data"]] == ids[:20]
    assert again["has_more"] is True
    assert [one["id"] for one in right["data"]] == ids[20:40]


def test_a_cursor_leads_back_to_the_start(fake: FakeStripe, get: Get) -> None:
    ids = fake.ids("charge")
    fake.script = [Step(wrong.cursor_loop(), times=None)]

    for cursor in (ids[19], ids[39], ids[59]):
        page = get(starting_after=cursor).json()
        assert ([one["id"] for one in page["data"]], page["has_more"]) == (ids[:20], True)


def test_a_page_is_empty_although_there_is_more(fake: FakeStripe, get: Get) -> None:
    fake.script = [Step(wrong.empty_page())]

    assert get().json() == {"object": "list", "data": [], "has_more": True, "url": "/v1/charges"}


def test_the_clock_of_an_answer_is_wrong(fake: FakeStripe, get: Get) -> None:
    fake.script = [Step(wrong.skewed(3600)), Step(wrong.skewed(-3600))]

    moments = [parsedate_to_datetime(get().headers["date"]).timestamp() for _ in range(3)]
    assert [int(one) - fake.clock.now for one in moments] == [3600, -3600, 0]


def test_something_happens_in_the_midst_of_a_read() -> None:
    with FakeStripe() as fake, httpx.Client(base_url=fake.url, auth=(fake.key, "")) as client:
        fake.add_many("charge", 3)
        fake.script = [Step(wrong.doing(lambda: fake.add("charge")), skip=1)]
        sizes = [len(client.get("/v1/charges").json()["data"]) for _ in range(3)]

    assert sizes == [3, 4, 4]


def test_objects_differ_from_what_is_documented(fake: FakeStripe, get: Get) -> None:
    fake.script = [
        Step(
            together(
                data.large_numbers("amount"),
                data.numbers_as_text("amount_captured", "created"),
                data.other_value("status", "unheard_of"),
                data.new_field("brand_new", {"deep": [1.5]}),
                data.lost_field("currency"),
            )
        )
    ]
    strange, usual = (get(limit="1").json()["data"][0] for _ in range(2))

    assert strange["amount"] == 2**63 - 1
    assert strange["amount_captured"] == str(usual["amount_captured"])
    assert strange["status"] == "unheard_of"
    assert strange["brand_new"] == {"deep": [1.5]}
    assert strange.keys() ^ usual.keys() == {"currency", "brand_new"}


def test_a_key_ends_in_the_midst_of_a_read() -> None:
    with FakeStripe() as fake, httpx.Client(base_url=fake.url) as client:
        fake.script = [Step(wrong.unauthorized(), skip=1), Step(wrong.expired_key(), skip=2)]
        key = {"Authorization": f"Bearer {fake.key}"}
        codes = [client.get("/v1/charges", headers=key).status_code for _ in range(5)]

    assert codes == [200, 401, 200, 401, 401]


def test_faults_are_made_of_faults(fake: FakeStripe, get: Get) -> None:
    fake.script = [Step(together(wrong.skewed(60), wire.truncated_json(), wrong.status(503)))]
    answer = get()

    assert answer.status_code == 503
    assert parsedate_to_datetime(answer.headers["date"]).timestamp() == fake.clock.now + 60
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_chance_is_the_same_for_the_same_seed() -> None:
    def codes(seed: int, most: int | None = None) -> list[int]:
        kinds = [wrong.status(500), wrong.status(503), wrong.too_many()]
        with FakeStripe() as fake, httpx.Client(base_url=fake.url, auth=(fake.key, "")) as client:
            fake.script = wrong.now_and_then(seed, kinds, share=0.4, most=most)
            return [client.get("/v1/charges").status_code for _ in range(40)]

    assert codes(1) == codes(1)
    assert codes(1) != codes(2)
    assert set(codes(1)) == {200, 500, 503, 429}
    assert sum(code != 200 for code in codes(1, most=3)) == 3


def test_who_comes_too_early_is_seen() -> None:
    def seen(arrived: float, retry_after: float | None = None) -> Seen:
        request = Request("GET", "/v1/charges", "", {})
        return Seen(request, arrived, arrived + 0.1, 429 if retry_after else 200, retry_after)

    waiting, on_its_way = seen(10, 5.0), seen(10.15)
    early, right = seen(12), seen(15.2)

    assert too_early([right, early, on_its_way, waiting]) == [early]


def test_it_speaks_tls(tmp_path: Path) -> None:
    certificate = Certificate.make(tmp_path)
    trust = ssl.create_default_context(cafile=str(certificate.certificate))
    with FakeStripe(certificate=certificate) as fake:
        with httpx.Client(base_url=fake.url, auth=(fake.key, ""), verify=trust) as client:
            assert client.get("/v1/charges").status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(fake.url)


def test_at_the_end_all_connections_are_closed() -> None:
    fake = FakeStripe()
    with fake, httpx.Client(base_url=fake.url, auth=(fake.key, "")) as client:
        fake.script = [Step(wire.never(), skip=1)]
        client.get("/v1/charges")
        with pytest.raises(httpx.ReadTimeout):
            client.get("/v1/charges", timeout=0.1)
        client.get("/v1/charges")

    assert fake.server.open_connections == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(fake.url)
