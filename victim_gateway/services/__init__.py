"""The write side: verbs. One public function is one business action in one transaction."""
