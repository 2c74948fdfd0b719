"""What the processes of a session measure: numbers in files that all of its node can read.

Owns nothing itself: `book` writes, `reading` adds up, `ports` tells where it is shown. What the
numbers mean to users is `aktis.util.metrics`.
"""
