"""The faults by name, sorted by what becomes of a client that meets one."""

from __future__ import annotations

from collections.abc import Mapping

from dativo_test_support.stripe import data_faults as data
from dativo_test_support.stripe import faults as wrong
from dativo_test_support.stripe import wire_faults as wire
from dativo_test_support.stripe.script import Fault

__all__ = ["FATAL", "MISLEADING", "STRANGE", "TRANSIENT"]

TRANSIENT: Mapping[str, Fault] = {
    "429": wrong.too_many(),
    "429, again at once": wrong.too_many(0),
    "429, again in a second": wrong.too_many(1),
    "429, again at a date": wrong.too_many(1, as_date=True),
    "408": wrong.status(408),
    "409": wrong.status(409),
    "500": wrong.status(500),
    "502": wrong.status(502),
    "502 as a page": wrong.html_page(502),
    "503": wrong.status(503),
    "503 as a page": wrong.html_page(503),
    "200 as a page": wrong.html_page(),
    "200 with nothing": wrong.empty_answer(),
    "refused": wire.refused(0.2),
    "reset at once": wire.reset(None),
    "reset in the head": wire.reset(0.0),
    "reset in the body": wire.reset(),
    "truncated": wire.truncated_json(),
    "length too long": wire.wrong_length(),
    "length too short": wire.wrong_length(-100),
    "chunks cut": wire.chunks_cut(),
    "corrupt gzip": wire.corrupt_gzip(),
    "dripping": wire.dripping(),
    "dripping head": wire.dripping(head=True),
    "never": wire.never(),
}
"""The next try succeeds; some take as long as the client's own time limits."""

FATAL: Mapping[str, Fault] = {
    "401": wrong.unauthorized(),
    "key expires": wrong.expired_key(),
    "429, again in an hour": wrong.too_many(3600),
}
"""No try that is made soon succeeds."""

MISLEADING: Mapping[str, Fault] = {
    "page repeated": wrong.repeated_page(),
    "cursor loop": wrong.cursor_loop(),
    "empty page": wrong.empty_page(),
}
"""Right in form, and wrong: who believes it loses objects, doubles them or never ends."""

STRANGE: Mapping[str, Fault] = {
    "large amounts": data.large_numbers("amount"),
    "numbers as texts": data.numbers_as_text("amount", "created"),
    "unknown status": data.other_value("status", "unheard_of"),
    "new field": data.new_field("brand_new", {"deep": [1, 2.5, None]}),
    "lost field": data.lost_field("description"),
    "an hour ahead": wrong.skewed(3600),
    "an hour behind": wrong.skewed(-3600),
}
"""Not as the documents say, but to be taken; the fields are those of charges."""
