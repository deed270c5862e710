"""Streams on object stores: files first, then one entry of a log, created conditionally."""
