"""The only way out of a sandbox: which hosts functions may reach, and the proxy that makes the connections."""
