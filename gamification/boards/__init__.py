"""Boards: who stands where, in which period, by which score. Pure: no store, no clock."""
