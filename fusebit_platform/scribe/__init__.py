"""Writes down what happened: collected beside the calls, written by a process of its own."""
