"""The settings: where events go, and what things are called there."""

from __future__ import annotations

from pathlib import Path

import attrs

from dativo.contract import Secret, Url, setting

__all__ = ["LineageConfig"]


@attrs.frozen
class LineageConfig:
    """The section ``config`` of the extension; one of ``path`` and ``url`` is needed."""

    path: Path | None = setting("A file that gets one line of JSON for each event.", default=None)
    url: Url | None = setting(
        "An endpoint that takes each event by POST.",
        default=None,
        examples=("https://lineage.example.com/api/v1/lineage",),
    )
    api_key: Secret | None = setting("Sent to the endpoint as a bearer token.", default=None)
    timeout_seconds: float = setting(
        "How long the endpoint may take for one event.", default=3.0, minimum=0.1, maximum=60
    )
    namespace: str = setting("The namespace of the job.", default="dativo", pattern=r"\S+")
    input_namespace: str | None = setting(
        "The namespace of what is read; by default made of the source's connector and identity.",
        default=None,
        pattern=r"\S+",
        examples=("postgres://db.example.com:5432",),
    )
    output_namespace: str | None = setting(
        "The namespace of what is written; by default made of the writer's.",
        default=None,
        pattern=r"\S+",
        examples=("s3://lake",),
    )
    running: bool = setting("Whether each commit is told as a RUNNING event.", default=True)

    def __attrs_post_init__(self) -> None:
        if (self.path is None) == (self.url is None):
            raise ValueError("say where events go: either path or url")
        if self.api_key is not None and self.url is None:
            raise ValueError("an api_key needs a url")
