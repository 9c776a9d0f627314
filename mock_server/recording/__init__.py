"""What went over the wire: the journal, an exchange as JSON, a whole session as HAR."""
