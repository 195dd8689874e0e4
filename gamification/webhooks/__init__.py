"""Webhooks: what there is to know of endpoints that follow the feed, without sending anything."""
