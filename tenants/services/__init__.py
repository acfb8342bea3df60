"""Everything that changes something: one module per flow, keyword-only functions."""
