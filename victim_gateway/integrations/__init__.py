"""The outside world: embedded servers, mail, messages. One narrow door for each."""
