"""Tests that need the redis-server program; they start one of their own on loopback."""
