"""Objects, put, read and described.

writing     PutObject, DeleteObject, DeleteObjects; `receiving` has a body on its way to a blob
reading     GetObject, HeadObject
copying     CopyObject; `recoding` where bytes get encrypted by it
listing     ListObjectsV2, ListObjects
summary     GetObjectAttributes
tagging     GetObjectTagging, PutObjectTagging, DeleteObjectTagging; `tags` says what may be in them
posting     PostObject, an upload by an HTML form, whose policy `forms` reads

What headers say, read and answered: attributes, checksums, conditions, encryption, ranges, versions.
"""
