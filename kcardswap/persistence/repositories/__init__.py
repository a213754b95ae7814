"""Collections of aggregates, loaded whole and locked on demand."""
