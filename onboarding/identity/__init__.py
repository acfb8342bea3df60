"""The local OpenID provider of quickstart: its own settings, database, cookies and process; never in production."""
