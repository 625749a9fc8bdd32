"""Reports: tables, small-number suppression, files. Uses neither the database nor the clock."""
