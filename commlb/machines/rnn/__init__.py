"""Recurrent networks as machines, one file a shape of recurrence."""
