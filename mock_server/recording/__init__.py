"""What went over the wire: the journal, an exchange as JSON and HAR, a whole session in one file."""
