from __future__ import annotations

from typing import Any

import pytest
from bench import config_of, read, stream
from fake_api import FakeApi, ok

from dativo.errors import ConfigurationError, DataFormatError

WAYS: dict[str, dict[str, Any]] = {
    "page": {
        "records": "data.items",
        "paging": {"page_number": {"size_param": "per_page", "size": 4}},
    },
    "page_total": {
        "records": "data.items",
        "paging": {"page_number": {"end": "total", "total": "meta.total"}},
    },
    "page_short": {
        "records": "data.items",
        "paging": {
            "page_number": {"size_param": "per_page", "size": 4, "end": "short_page"},
        },
    },
    "offset": {"paging": {"offset": {"size": 2}}},
    "offset_capped": {"paging": {"offset": {"size": 1000}}},
    "cursor": {"records": "$.results", "paging": {"cursor": {"next": "meta.next"}}},
    "cursor_more": {
        "records": "results",
        "paging": {"cursor": {"next": "meta.next", "more": "meta.more"}},
    },
    "next": {"records": "rows", "paging": {"next_link": {"link": "links.next"}}},
    "link": {"records": "$", "paging": {"link_header": {}}},
}


def make(way: str, **about: Any) -> Any:
    found = structured(WAYS[way])
    return stream(f"/{way.partition('_')[0]}/things", **{**found, **about})


def structured(about: dict[str, Any]) -> dict[str, Any]:
    from dativo_connector_restjson import _paging_config as config

    kinds = {
        "page_number": config.PageNumber,
        "offset": config.Offset,
        "cursor": config.Cursor,
        "next_link": config.NextLink,
        "link_header": config.LinkHeader,
    }
    ((name, settings),) = about["paging"].items()
    if "end" in settings:
        settings = {**settings, "end": config.End(settings["end"])}
    return {**about, "paging": {name: kinds[name](**settings)}}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [0, 1, 3, 8, 9, 12])
def test_all_records_come_once_and_in_order(api: FakeApi, way: str, count: int) -> None:
    api.add("things", *({"id": number} for number in range(count)))
    api.records.setdefault("things", [])

    result = read(config_of(api, {"things": make(way, fields={"id": "int64"})}))

    assert result.column("id") == list(range(count))


@pytest.mark.parametrize("way", WAYS)
def test_parameters_are_sent_with_every_page(api: FakeApi, way: str) -> None:
    api.add("things", *({"id": number} for number in range(7)))

    read(config_of(api, {"things": make(way, params={"with": "a b", "all": True})}))

    assert len(api.requests) > 1
    assert all(query["with"] == "a b" for _, query, _ in api.requests)
    assert all(query["all"] == "true" for _, query, _ in api.requests)


def test_one_page_without_paging(api: FakeApi) -> None:
    api.answers["/all"] = lambda _: ok([{"id": 1}, {"id": 2}])

    result = read(config_of(api, {"things": stream("all")}))

    assert result.column("id") == [1, 2]
    assert len(api.requests) == 1


def test_a_server_that_ignores_the_number_of_the_page_is_noticed(api: FakeApi) -> None:
    api.answers["/page/things"] = lambda _: ok({"data": {"items": [{"id": 1}]}})

    with pytest.raises(DataFormatError, match="same records as the one before"):
        read(config_of(api, {"things": make("page", primary_key=("id",))}))
    assert len(api.requests) == 2


def test_records_without_a_key_may_repeat_but_not_for_ever(api: FakeApi) -> None:
    api.answers["/page/things"] = lambda _: ok({"data": {"items": [{"id": 1}]}})

    with pytest.raises(DataFormatError, match="same records as the one before"):
        read(config_of(api, {"things": make("page")}))
    assert len(api.requests) == 101


def test_tokens_that_go_in_a_circle_are_noticed(api: FakeApi) -> None:
    def answer(asked: int) -> Any:
        return ok({"results": [{"id": asked}], "meta": {"next": f"t{asked % 3}"}})

    api.answers["/cursor/things"] = answer

    with pytest.raises(DataFormatError, match="asked for before") as caught:
        read(config_of(api, {"things": make("cursor")}))
    assert caught.value.stream == "things"


def test_a_list_with_too_many_pages_has_no_end(api: FakeApi) -> None:
    api.answers["/cursor/things"] = lambda n: ok({"results": [{"id": n}], "meta": {"next": n}})

    with pytest.raises(DataFormatError, match="more than 5 pages"):
        read(config_of(api, {"things": make("cursor")}, max_pages=5))


def test_links_to_another_host_are_refused_and_not_asked(api: FakeApi) -> None:
    api.answers["/next/things"] = lambda _: ok(
        {"rows": [], "links": {"next": "https://elsewhere.example/things"}}
    )

    with pytest.raises(ConfigurationError, match=r"https://elsewhere\.example"):
        read(config_of(api, {"things": make("next")}))


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {"items": {"id": 1}}}, [1], "x"])
def test_an_answer_without_a_list_is_no_empty_list(api: FakeApi, body: object) -> None:
    api.answers["/page/things"] = lambda _: ok(body)

    with pytest.raises(DataFormatError, match=r"no list of objects at data\.items"):
        read(config_of(api, {"things": make("page")}))


def test_a_total_that_is_missing_is_no_end(api: FakeApi) -> None:
    api.answers["/page/things"] = lambda _: ok({"data": {"items": [{"id": 1}]}})

    with pytest.raises(DataFormatError, match=r"meta\.total"):
        read(config_of(api, {"things": make("page_total")}))
