"""Notices: what members are told of what happened and of what is about to, as data."""
