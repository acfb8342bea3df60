"""The fast path of /v1/run/: from the socket to a worker process and back, without Django once warm."""
