"""The command line of the embedded Fusebit."""
