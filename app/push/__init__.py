"""Telling members while the app is closed: notices brought to their devices."""
