"""Access: who may do what. Today one administrator, one role, and the tags of resources."""
