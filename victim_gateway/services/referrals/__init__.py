"""What caseworkers do with a referral. One public function is one action in one transaction."""
