"""The product: tenants, members, functions, versions and runs, with their services, pages, API and admin."""
