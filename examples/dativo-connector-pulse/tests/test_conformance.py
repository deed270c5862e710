from pulse_api import PulseApi

from dativo.testing import Denied, SourceCases, SourceConformance, Waiting


class TestPulse(SourceConformance):
    connector = "pulse"

    def cases(self):
        with PulseApi() as api:
            good = {"url": api.url, "key": "key-good"}
            hangs = good | {"key": "key-hangs"}
            yield SourceCases(
                good=good,
                bad_credentials=good | {"key": "key-wrong"},
                unreachable=good | {"url": "http://127.0.0.1:9"},
                missing_privilege=Denied(config=good | {"key": "key-closed"}, stream="readings"),
                errors={
                    "SERVICE_UNAVAILABLE": good | {"key": "key-broken"},
                    "CONNECT_TIMEOUT": hangs,
                },
                streams=("readings", "alarms", "outages"),
                change=api.add,
                empty="outages",
                large="readings",
                waiting=Waiting(config=hangs, stream="alarms"),
            )
