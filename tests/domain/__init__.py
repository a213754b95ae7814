"""Tests of entities and rules, without a database."""
