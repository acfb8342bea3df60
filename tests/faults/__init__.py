"""Provisioning under faults: each module is a command that prints its figures, and ends with 1 when one is not met."""
