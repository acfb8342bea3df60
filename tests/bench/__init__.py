"""Benchmarks of the gateway and the sandbox; not part of the test run."""
