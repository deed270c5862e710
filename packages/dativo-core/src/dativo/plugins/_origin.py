"""Where a plugin comes from, as messages say it."""

from __future__ import annotations

import attrs

from dativo.contract import CONTRACT_VERSION
from dativo.errors import ContractViolationError, PluginLoadError
from dativo.plugins._boundary import Place

__all__ = ["Origin"]


@attrs.frozen(kw_only=True)
class Origin:
    """An installed distribution, or a file that a job names.

    Attributes:
        name: The plugin's address.
        distribution: The distribution; empty for a file.
        version: The distribution's version.
        file: The file as the address shows it; empty for a distribution.
        kind: ``connector`` or ``extension``.
    """

    name: str
    distribution: str = ""
    version: str = ""
    file: str = ""
    kind: str = "connector"

    @property
    def title(self) -> str:
        """What a message calls the plugin."""
        package = f" ({self.distribution} {self.version})" if self.distribution else ""
        return f"the {self.kind} {self.name!r}{package}"

    @property
    def mend(self) -> str:
        """What to do where the plugin's code is wrong."""
        if self.file:
            return f"Mend {self.file}."
        return f"pip install -U {self.distribution}, or report it to its publisher."

    def place(self, phase: str, stream: str | None = None) -> Place:
        """Return where the plugin is called, for the error boundary."""
        return Place(
            self.name,
            phase,
            stream,
            distribution=self.distribution,
            version=self.version,
            file=self.file,
            kind=self.kind,
        )

    def violation(self, what: str, *, fix: str = "") -> ContractViolationError:
        """Return the error that says which rule of the contract it breaks by being loaded."""
        msg = f"{self.title} breaks contract {CONTRACT_VERSION}: {what}"
        return ContractViolationError(msg, fix=fix or self.mend, connector=self.name, phase="load")

    def failure(self, what: str, *, fix: str = "") -> PluginLoadError:
        """Return the error that says why it cannot be loaded."""
        msg = f"{self.title} {what}"
        return PluginLoadError(msg, fix=fix or self.mend, connector=self.name, phase="load")
