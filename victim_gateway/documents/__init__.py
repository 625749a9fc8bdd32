"""Documents that people attach: what a file is by its content, and whether it can be kept. Pure, and run apart."""
