"""Tests of the private server: real servers, killed for real, as root and as an ordinary user."""
