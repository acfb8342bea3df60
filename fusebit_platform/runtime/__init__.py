"""Run tenants' Node.js functions in processes of their own; knows neither HTTP nor the database."""
