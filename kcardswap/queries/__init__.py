"""Read models: one SQL statement filling plain tuples."""
