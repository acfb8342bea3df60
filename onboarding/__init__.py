"""The site: Django project, sign-in, health and the quickstart command."""
