"""The rule about what a connector reaches: only what its permissions declare."""

from __future__ import annotations

import contextlib
import fnmatch
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from dativo.contract import Role
from dativo.plugins import load_connector
from dativo.testing._checking import AnySubject, Situation
from dativo.testing._exercised import exercised, undone
from dativo.testing._native import unknown_native
from dativo.testing._rules import Evidence, NotVerified, rule

__all__ = ["RULES"]

_SHOWN = 8
_PORTS = {"https": 443, "http": 80, "ftp": 21, "ssh": 22, "sftp": 22}


@rule("hosts.declared", Role.SOURCE, Role.WRITER, seconds=300.0)
def hosts_declared(subject: AnySubject, evidence: Evidence) -> None:
    """It reaches no host, port, path or program but those that its permissions declare."""
    good = Situation("good", subject.cases.good)
    end = exercised(subject, [good], light=True)
    if not end.has_ended or not end.answers:
        msg = f"with the good settings, in a fresh interpreter: {end.reason}"
        raise NotVerified(msg)
    done, touched = end.answers[0]["done"], end.answer
    if not touched["declared"]:
        texts = "; ".join(text for _, text in end.answers[0]["texts"])
        msg = f"it cannot be loaded in a fresh interpreter: {texts}"
        raise NotVerified(msg)
    missing = undone(subject, end.answers[0])
    if missing:
        evidence.gap(missing)
    allowed = _Allowed(names=touched["names"], **touched["declared"])
    evidence.looked(
        f"{', '.join(done)}: {len(touched['connected'])} connections, "
        f"{len(touched['looked_up'])} names looked up, {len(touched['written'])} paths written"
    )
    _look_at_sockets(touched, allowed, evidence)
    for path, place in _unique(touched["written"]):
        if not allowed.has_path(path):
            evidence.problem(
                f"it writes {path} [{place}], which no permission declares; write to "
                "context.workdir, or declare the folder in Permissions(paths=...)"
            )
    runs_programs = load_connector(subject.connector, subject.role).info.permissions.subprocess
    for program, place in _unique(touched["programs"]):
        if runs_programs:
            evidence.gap(f"what the program does cannot be seen: {program} [{place}]")
        else:
            evidence.problem(
                f"it starts a program without Permissions(subprocess=True): {program} [{place}]"
            )
    _look_at_native(touched, evidence)


@attrs.frozen(kw_only=True)
class _Allowed:
    """What the permissions declare, with the settings filled in.

    Attributes:
        hosts: Names, patterns such as ``*.acme.com``, addresses or URLs.
        ports: Numbers.
        paths: Files and folders.
        names: Which names led to an address.
    """

    hosts: Sequence[str]
    ports: Sequence[str]
    paths: Sequence[str]
    names: Mapping[str, Sequence[str]]

    def has_name(self, name: str) -> bool:
        """Whether a host may be looked up."""
        return any(fnmatch.fnmatch(name.lower(), host) for host, _ in self._places())

    def has_address(self, host: str, port: int) -> bool:
        """Whether a socket may connect to a port of a host, given by name or address."""
        names = {host.lower(), *(name.lower() for name in self.names.get(host, ()))}
        return any(
            fnmatch.fnmatch(name, declared) and str(port) in ports
            for name in names
            for declared, ports in self._places()
        )

    def has_path(self, path: str) -> bool:
        """Whether a path may be written: it is declared, or below what is declared."""
        place = Path(path).absolute()
        return any(place.is_relative_to(Path(one).absolute()) for one in self.paths if one)

    def _places(self) -> list[tuple[str, set[str]]]:
        """Return each host with its ports; that of a URL is declared with it."""
        found: list[tuple[str, set[str]]] = []
        for text in self.hosts:
            ports = set(self.ports)
            host = text
            if "://" in text:
                url = urlsplit(text)
                host = url.hostname or ""
                with contextlib.suppress(ValueError):  # the port is no number
                    known = url.port or _PORTS.get(url.scheme)
                    ports.add("" if known is None else str(known))
            elif text.count(":") == 1:
                host, _, port = text.partition(":")
                ports.add(port)
            if host:
                found.append((host.lower(), ports))
        return found


def _look_at_sockets(touched: dict[str, Any], allowed: _Allowed, evidence: Evidence) -> None:
    own = {"", "None", "0.0.0.0", "::", socket.gethostname(), socket.getfqdn()}  # noqa: S104 - not bound, only known
    for name, place in _unique(touched["looked_up"]):
        if name not in own and not _is_address(name) and not allowed.has_name(name):
            evidence.problem(
                f"it looks up the host {name!r} [{place}], which no permission declares; "
                f"Permissions(hosts=...) declares {_listed(allowed.hosts)}"
            )
    connected: list[tuple[str, int | None, str]] = _unique(touched["connected"])
    for host, port, place in connected:
        if port is None:
            if not (allowed.has_path(host) or host in allowed.hosts):
                evidence.problem(
                    f"it connects to the local socket {host} [{place}], which no permission "
                    "declares; declare it in Permissions(paths=...)"
                )
        elif not allowed.has_address(host, port):
            names = "".join(f" ({name})" for name in touched["names"].get(host, ())[:1])
            evidence.problem(
                f"it connects to {host}{names} port {port} [{place}], which no permission "
                f"declares; declared are the hosts {_listed(allowed.hosts)} and the ports "
                f"{_listed(allowed.ports)}"
            )


def _look_at_native(touched: dict[str, Any], evidence: Evidence) -> None:
    unknown = [*unknown_native(touched["native"]), *sorted(set(touched["libraries"]))]
    if unknown:
        rest = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        evidence.gap(
            f"native code is loaded whose sockets and files Python does not see: "
            f"{', '.join(unknown[:_SHOWN])}{rest}"
        )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _unique(items: Sequence[Sequence[Any]]) -> list[Any]:
    """Return each deed once, with the place where it happened first."""
    return list({tuple(item[:-1]): tuple(item) for item in reversed(items)}.values())[::-1]


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts) or "none"


RULES = (hosts_declared,)
