"""What has been asked for, has left or waits, of messages to people."""
