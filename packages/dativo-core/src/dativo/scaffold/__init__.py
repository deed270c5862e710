"""New connectors: a complete distribution from a template, or from a local file."""

from dativo.scaffold._names import Kind, Names, names_of
from dativo.scaffold._project import NewProject, new_project

__all__ = ["Kind", "Names", "NewProject", "names_of", "new_project"]
