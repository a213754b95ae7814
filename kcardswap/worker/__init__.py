"""Background work: the outbox relay, the consumers of events and the periodic jobs, on Celery."""
