"""Job files: read with every problem at once, structured strictly, their secrets hidden."""

from dativo.config._address import FileAddress, file_address
from dativo.config._job import (
    ConnectorUse,
    Deletes,
    ExtensionUse,
    Job,
    RunSettings,
    StreamSelection,
)
from dativo.config._load import JobDraft, LoadedJob, draft_job, load_job, load_jobs
from dativo.config._node import Entry, Node, NodeKind, Origin
from dativo.config._problems import ProblemList, nearest
from dativo.config._redactor import MASK, RedactingWriter, Redactor
from dativo.config._schema import job_schema
from dativo.config._settings import settings_node
from dativo.config._structure import structure
from dativo.config._units import read_duration, read_size
from dativo.config._yaml import parse_yaml

__all__ = [
    "MASK",
    "ConnectorUse",
    "Deletes",
    "Entry",
    "ExtensionUse",
    "FileAddress",
    "Job",
    "JobDraft",
    "LoadedJob",
    "Node",
    "NodeKind",
    "Origin",
    "ProblemList",
    "RedactingWriter",
    "Redactor",
    "RunSettings",
    "StreamSelection",
    "draft_job",
    "file_address",
    "job_schema",
    "load_job",
    "load_jobs",
    "nearest",
    "parse_yaml",
    "read_duration",
    "read_size",
    "settings_node",
    "structure",
]
