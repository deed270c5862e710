"""Hash, shorten, redact or drop fields before they are written."""

from dativo_extension_mask._config import Action, MaskConfig, Rule
from dativo_extension_mask._hooks import describe_extension, transform

__all__ = ["Action", "MaskConfig", "Rule", "describe_extension", "transform"]
