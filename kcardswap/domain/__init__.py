"""Entities, value objects, events and refusals; standard library only."""
