"""The routes: a folder for each service behind them, a module for each resource.

A resource's own JSON shapes and conversions stand in its module. What several of a folder share stands in its `shapes`
(what the JSON looks like) and `wire` (between JSON and the services' messages); what several folders share, here.
"""
