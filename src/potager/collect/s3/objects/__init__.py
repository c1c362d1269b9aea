"""Objects, put, read and described.

writing     PutObject, DeleteObject, DeleteObjects      receiving     a body on its way to a blob
reading     GetObject, HeadObject                       copying       CopyObject; `recoding` where bytes get encrypted
listing     ListObjectsV2, ListObjects                  summary       GetObjectAttributes
tagging     GetObjectTagging ... (`tags`)               posting       PostObject, a form whose policy `forms` reads
attributes, checksums, conditions, encryption, ranges, versions      what headers say, read and answered
"""
