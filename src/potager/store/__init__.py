"""Where state rests: rows in a database, blobs and logs in files. Drivers stay in here."""
