"""Brings a fresh checkout to a working site: secrets, databases, processes, client and people."""
