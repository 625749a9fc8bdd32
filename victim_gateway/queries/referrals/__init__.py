"""What caseworkers read: the queue, one referral from every side, people found again."""
