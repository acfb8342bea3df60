"""How long names may be."""

ID_LENGTH = 24
NAME_BYTES = 1000  # an issuer, a subject: both fit into one index entry of PostgreSQL
RESOURCE_BYTES = 2000
