"""The tray: what a person sees and clicks. Knows `ServerThread` and its snapshots, never the API or the
SDK.
"""
