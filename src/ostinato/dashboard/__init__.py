"""Live pages: read the store and runs, nothing else."""
