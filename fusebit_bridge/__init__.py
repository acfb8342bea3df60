"""The door: the only code that holds private keys, mints tokens and speaks to Fusebit."""
