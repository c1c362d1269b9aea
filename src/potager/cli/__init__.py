"""The `potager` command: settings, the server it starts, and what stands around it. A file a command."""
