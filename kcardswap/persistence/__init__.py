"""Engine, unit of work, mappings and repositories."""
