"""The far bank: an embedded Fusebit that speaks the HTTP API v1 from its own process and database."""
