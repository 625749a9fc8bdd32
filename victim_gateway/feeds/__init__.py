"""Reading feed files: from bytes to rows and problems. Uses neither the database nor the clock."""
