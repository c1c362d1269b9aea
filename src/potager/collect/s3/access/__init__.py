"""Who may do what to a bucket and its objects.

authorization    the order in which it is decided; `admission` asks before an operation
permissions      which actions an operation needs       circumstances   what a request says of itself
policies         bucket policies, public access block   publicity       what is public, and what blocks that
lists            ACLs, object ownership                 acls, grants    what a list says; what requests say of it
"""
