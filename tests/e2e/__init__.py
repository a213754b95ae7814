"""Tests of whole running servers."""
