"""Move data from any installed source to any installed writer."""
